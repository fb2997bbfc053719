// Merging due runs by cursors.
#include "store/engines/segment/due_merge.h"

#include <algorithm>

#include "base/log.h"

namespace posthorn::store::segment {
namespace {

WallTime due_of(ByteView key) {
  return key.empty()
             ? WallTime{}
             : WallTime{static_cast<int64_t>(__builtin_bswap64(load_le<uint64_t>(key.data())))};
}

}  // namespace

DueRun::DueRun(uint64_t file_number, DueBucket of, std::shared_ptr<const SortedFile> opened)
    : number(file_number),
      bucket(of),
      file(std::move(opened)),
      first(due_of(info().first_key)),
      last(due_of(info().last_key)),
      gone_bits(info().slots() / 64 + 1) {}

bool DueRun::is_gone(uint64_t slot) const {
  return (gone_bits[slot / 64].load(std::memory_order_relaxed) >> (slot % 64) & 1) != 0;
}

bool DueRun::mark_gone(uint64_t slot) {
  const uint64_t bit = uint64_t{1} << (slot % 64);
  if ((gone_bits[slot / 64].fetch_or(bit, std::memory_order_relaxed) & bit) != 0) return false;
  gone.fetch_add(1, std::memory_order_relaxed);
  return true;
}

DueMerge::DueMerge(std::vector<DueRunRef> runs, std::string after) : after_(std::move(after)) {
  sources_.reserve(runs.size());
  for (DueRunRef& run : runs) {
    SortedCursor cursor = run->file->cursor(kDueShape.table);
    sources_.push_back({std::move(run), std::move(cursor)});
  }
}

bool DueMerge::later(size_t a, size_t b) const {
  return sources_[a].cursor.key() > sources_[b].cursor.key();
}

void DueMerge::start() {
  started_ = true;
  for (size_t i = 0; i < sources_.size(); ++i) {
    SortedCursor& cursor = sources_[i].cursor;
    Status moved = after_.empty() ? cursor.seek_first() : cursor.seek(after_);
    if (moved.ok() && cursor.valid() && cursor.key() == ByteView(after_)) moved = cursor.next();
    skip_gone(i, std::move(moved));
  }
}

void DueMerge::skip_gone(size_t source, Status moved) {
  Source& at = sources_[source];
  while (moved.ok() && at.cursor.valid() && at.run->is_gone(at.cursor.slot())) {
    moved = at.cursor.next();
  }
  settle(source, moved);
}

void DueMerge::settle(size_t source, const Status& moved) {
  Source& at = sources_[source];
  if (!moved.ok() && moved.error().code == Errc::kCorrupt) {
    log(LogLevel::kError, "store", "due entries are missing: {}", moved.error().message);
    damaged_ = true;
    return;
  }
  if (!moved.ok()) failed_ = moved;
  if (!at.cursor.valid()) return;
  heap_.push_back(source);
  std::push_heap(heap_.begin(), heap_.end(), [&](size_t a, size_t b) { return later(a, b); });
}

const DueMerge::At* DueMerge::top() {
  if (!started_) start();
  if (heap_.empty() || !failed_.ok()) return nullptr;
  const Source& source = sources_[heap_.front()];
  at_ = {source.run, source.cursor.slot(), source.cursor.entry()};
  return &at_;
}

void DueMerge::next() {
  CHECK(!heap_.empty(), "next() at the end");
  std::pop_heap(heap_.begin(), heap_.end(), [&](size_t a, size_t b) { return later(a, b); });
  const size_t source = heap_.back();
  heap_.pop_back();
  skip_gone(source, sources_[source].cursor.next());
}

}  // namespace posthorn::store::segment

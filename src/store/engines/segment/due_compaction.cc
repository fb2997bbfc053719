// Choosing due runs to rewrite, and rewriting them.
#include "store/engines/segment/due_compaction.h"

#include <algorithm>
#include <bit>
#include <map>

namespace posthorn::store::segment {
namespace {

constexpr uint64_t kSmallRun = 4096;    // runs below it count as of one size
constexpr uint64_t kGoneWorthIt = 256;  // entries that must be gone for a run to be rewritten
constexpr size_t kNeighbours = 16;      // runs merged into one when there are too many

// Runs within a factor of eight are of one size, so that an entry is rewritten few times.
int size_class(uint64_t entries) {
  return entries <= kSmallRun ? 0 : (std::bit_width(entries / kSmallRun) + 2) / 3;
}

DueBucket around(const std::vector<DueRunRef>& runs) {
  DueBucket all = runs.front()->bucket;
  for (const DueRunRef& run : runs) {
    const int64_t end = std::max(all.end().us, run->bucket.end().us);
    all.start_us = std::min(all.start_us, run->bucket.start_us);
    all.width_us = end - all.start_us;
  }
  return all;
}

}  // namespace

DuePlan plan_due_compaction(const std::vector<DueRunRef>& runs, const DueRunsOptions& options) {
  std::map<std::pair<DueBucket, int>, std::vector<DueRunRef>> alike;
  for (const DueRunRef& run : runs) {
    auto& group = alike[{run->bucket, size_class(run->live())}];
    group.push_back(run);
    if (group.size() >= options.runs_per_bucket_max) return {group, run->bucket};
  }
  for (const DueRunRef& run : runs) {
    const uint64_t gone = run->gone.load(std::memory_order_relaxed);
    if (gone >= kGoneWorthIt && gone > run->live()) return {{run}, run->bucket};
  }
  if (runs.size() <= options.runs_max) return {};
  // Too many buckets: the ones due first are the ones that hold what cannot be sent.
  std::vector<DueRunRef> oldest = runs;
  std::sort(oldest.begin(), oldest.end(),
            [](const DueRunRef& a, const DueRunRef& b) { return a->bucket < b->bucket; });
  std::stable_sort(oldest.begin(), oldest.end(), [](const DueRunRef& a, const DueRunRef& b) {
    return size_class(a->live()) < size_class(b->live());
  });
  oldest.resize(std::min(oldest.size(), kNeighbours));
  const DueBucket bucket = around(oldest);
  return {std::move(oldest), bucket};
}

DueCompaction::DueCompaction(DuePlan plan, uint64_t number, std::string path)
    : plan_(std::move(plan)), number_(number), path_(std::move(path)), merge_(plan_.inputs, {}) {}

Result<bool> DueCompaction::step(io::Disk& disk, size_t entries_max, const IsLive& is_live) {
  if (!writer_) {
    PH_ASSIGN(writer_, SortedFileWriter::create(disk, path_));
    PH_TRY(writer_->begin_table(kDueShape, 0));
  }
  for (size_t i = 0; i < entries_max; ++i) {
    const DueMerge::At* at = merge_.top();
    if (at == nullptr) {
      PH_TRY(merge_.failed());
      PH_TRY(writer_->end_table());
      if (kept_ > 0) PH_TRY(writer_->finish({}));
      writer_.reset();
      return true;
    }
    PH_ASSIGN(const bool live, is_live(decode_due(at->entry)));
    const ByteView key = at->entry.substr(0, kDueShape.key_bytes);
    if (live && key != last_key_) {
      PH_TRY(writer_->add(at->entry));
      last_key_ = key;
      ++kept_;
    }
    merge_.next();
  }
  return false;
}

}  // namespace posthorn::store::segment

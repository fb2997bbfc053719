// Due entries: those in memory, the runs, and what a checkpoint keeps of both.
#include "store/engines/segment/due_runs.h"

#include <algorithm>
#include <map>

#include "base/log.h"
#include "io/guarded.h"
#include "store/engines/segment/due_compaction.h"
#include "store/engines/segment/file_names.h"

namespace posthorn::store::segment {
namespace {

constexpr uint16_t kSectionVersion = 1;
constexpr std::string_view kSuffix = "due";
constexpr int kAgainMax = 4;

using Key = decltype(key_of(DueEntry{}));

struct State {
  std::map<Key, DueEntry> memory;
  std::vector<DueRunRef> runs;
  uint64_t next_number = 1;
  bool damaged = false;
};

Error unavailable() {
  return error(Errc::kUnavailable, "due entries are damaged and are made again");
}

struct Portion {
  std::vector<DueEntry> memory;  // behind the cursor, up to a page of them
  bool memory_cut = false;       // there are more
  std::vector<DueRunRef> runs;
};

// Walks a portion of memory and the runs together, in the order of keys.
class PortionWalk {
 public:
  PortionWalk(Portion from, const DueQuery& query)
      : from_(std::move(from)),
        until_(query.until),
        runs_(from_.runs, query.after == DueEntry{} ? std::string() : due_key(query.after)) {}

  // Null: no more is due, or the walk is cut short. Stays there until next().
  Result<const DueEntry*> top();
  bool top_is_in_memory() const { return top_is_in_memory_; }
  // Of a top entry that is in a run.
  void mark_gone() { runs_.top()->run->mark_gone(runs_.top()->slot); }
  void next();
  // Memory has more than the portion held: what comes behind it is not known here.
  bool is_cut() const { return memory_done() && from_.memory_cut; }
  bool damaged() const { return runs_.damaged(); }

 private:
  bool memory_done() const { return at_ == from_.memory.size(); }

  const Portion from_;
  const WallTime until_;
  size_t at_ = 0;  // in the memory of the portion
  DueMerge runs_;
  DueEntry in_run_;
  bool top_is_in_memory_ = false;
};

Result<const DueEntry*> PortionWalk::top() {
  if (is_cut()) return nullptr;
  const DueMerge::At* run = runs_.top();
  PH_TRY(runs_.failed());
  if (run != nullptr) in_run_ = decode_due(run->entry);
  const bool runs_done = run == nullptr || in_run_.due > until_;
  if (memory_done() && runs_done) return nullptr;
  top_is_in_memory_ = runs_done || (!memory_done() && key_of(from_.memory[at_]) < key_of(in_run_));
  return top_is_in_memory_ ? &from_.memory[at_] : &in_run_;
}

void PortionWalk::next() {
  if (top_is_in_memory_)
    ++at_;
  else
    runs_.next();
}

class Runs final : public DueRuns {
 public:
  Runs(io::Disk& disk, BlockCache& cache, DueRunsOptions options)
      : disk_(disk), cache_(cache), options_(std::move(options)) {}

  Status read_section(ByteView section);

  void add(const DueEntry& entry) override {
    state_.with([&](State& state) { state.memory[key_of(entry)] = entry; });
  }
  Status settled(const DueEntry& entry) override;
  bool wants_flush() const override {
    return state_.with(
        [&](const State& state) { return state.memory.size() >= options_.memory_entries_max; });
  }
  Result<std::vector<DueEntry>> page(const DueQuery& query, const IsLive& is_live) override;
  uint64_t pending() const override;
  bool damaged() const override {
    return state_.with([](const State& state) { return state.damaged; });
  }
  void mark_damaged() override {
    state_.with([](State& state) { state.damaged = true; });
  }
  void restart() override;
  Status flush() override;
  Result<bool> maintain(WallTime now, const IsLive& is_live) override;
  std::string section() const override;
  std::vector<std::string> files() const override;

 private:
  std::string path_of(uint64_t number) const {
    return path_in(options_.directory, number_name(number, kSuffix));
  }
  Result<DueRunRef> open_run(uint64_t number, const DueBucket& bucket);
  Status read_run(ByteReader& in);
  Portion portion(const DueQuery& query) const;
  Result<bool> fill(DueQuery& query, const IsLive& is_live, std::vector<DueEntry>& page);
  Result<bool> mark_in_run(const DueRunRef& run, const DueEntry& entry);
  void forget(const DueEntry& entry);
  void drop_empty_runs();
  Result<std::vector<DueRunRef>> write_runs(const std::vector<DueEntry>& entries);
  Status finish_compaction();

  io::Disk& disk_;
  BlockCache& cache_;
  const DueRunsOptions options_;
  io::Guarded<State> state_;
  WallTime now_;                               // of the last maintain()
  std::unique_ptr<DueCompaction> compaction_;  // under way
};

Result<DueRunRef> Runs::open_run(uint64_t number, const DueBucket& bucket) {
  PH_ASSIGN(auto file, SortedFile::open(cache_, path_of(number)));
  const TableInfo* info = file->table(kDueShape.table);
  const bool fits = info != nullptr && info->shape.key_bytes == kDueShape.key_bytes &&
                    info->shape.value_bytes == kDueShape.value_bytes && info->entries > 0;
  if (!fits) return error(Errc::kCorrupt, file->path() + " is no run of due entries");
  return std::make_shared<DueRun>(number, bucket, std::move(file));
}

// Section := version u16, next number u64, damaged u8, count u32, run*;
// run := number u64, start u64, width u64, words u32, gone bits u64*.
Status Runs::read_section(ByteView section) {
  PH_TRY(disk_.make_directory(options_.directory));
  if (section.empty()) return {};
  ByteReader in(section);
  if (in.u16() != kSectionVersion) return error(Errc::kCorrupt, "a bad section of due runs");
  state_.with([&](State& state) {
    state.next_number = in.u64();
    state.damaged = in.u8() != 0;
  });
  const uint32_t count = in.u32();
  for (uint32_t i = 0; i < count && !in.failed(); ++i) PH_TRY(read_run(in));
  return in.complete() ? Status{} : error(Errc::kCorrupt, "a cut section of due runs");
}

Status Runs::read_run(ByteReader& in) {
  const uint64_t number = in.u64();
  const DueBucket bucket{static_cast<int64_t>(in.u64()), static_cast<int64_t>(in.u64())};
  const uint32_t words = in.u32();
  if (in.failed()) return {};
  PH_ASSIGN(const DueRunRef run, open_run(number, bucket));
  if (words > run->gone_bits.size()) return error(Errc::kCorrupt, "bits of no due entries");
  for (uint32_t word = 0; word < words; ++word) {
    const uint64_t bits = in.u64();
    run->gone_bits[word].store(bits, std::memory_order_relaxed);
    run->gone += static_cast<uint64_t>(__builtin_popcountll(bits));
  }
  if (run->gone > run->info().entries) return error(Errc::kCorrupt, "bits of no due entries");
  state_.with([&](State& state) { state.runs.push_back(run); });
  return {};
}

std::string Runs::section() const {
  return state_.with([](const State& state) {
    std::string bytes;
    ByteWriter out(bytes);
    out.u16(kSectionVersion);
    out.u64(state.next_number);
    out.u8(state.damaged ? 1 : 0);
    out.u32(static_cast<uint32_t>(state.runs.size()));
    for (const DueRunRef& run : state.runs) {
      out.u64(run->number);
      out.u64(static_cast<uint64_t>(run->bucket.start_us));
      out.u64(static_cast<uint64_t>(run->bucket.width_us));
      const bool whole = run->gone.load(std::memory_order_relaxed) == 0;
      out.u32(whole ? 0 : static_cast<uint32_t>(run->gone_bits.size()));
      if (whole) continue;
      for (const auto& word : run->gone_bits) out.u64(word.load(std::memory_order_relaxed));
    }
    return bytes;
  });
}

std::vector<std::string> Runs::files() const {
  return state_.with([&](const State& state) {
    std::vector<std::string> paths;
    paths.reserve(state.runs.size());
    for (const DueRunRef& run : state.runs) paths.push_back(path_of(run->number));
    return paths;
  });
}

uint64_t Runs::pending() const {
  return state_.with([](const State& state) {
    uint64_t entries = state.memory.size();
    for (const DueRunRef& run : state.runs) entries += run->live();
    return entries;
  });
}

void Runs::restart() {
  compaction_.reset();
  state_.with([](State& state) {
    state.memory.clear();
    state.runs.clear();
    state.damaged = false;
  });
}

Result<bool> Runs::mark_in_run(const DueRunRef& run, const DueEntry& entry) {
  SortedCursor cursor = run->file->cursor(kDueShape.table);
  const std::string key = due_key(entry);
  PH_TRY(cursor.seek(key));
  if (!cursor.valid() || cursor.key() != ByteView(key)) return false;
  return run->mark_gone(cursor.slot());
}

Status Runs::settled(const DueEntry& entry) {
  std::vector<DueRunRef> runs;
  const bool in_memory = state_.with([&](State& state) {
    if (state.memory.erase(key_of(entry)) > 0) return true;
    std::copy_if(state.runs.rbegin(), state.runs.rend(), std::back_inserter(runs),
                 [&](const DueRunRef& run) { return run->may_hold(entry.due); });
    return false;
  });
  if (in_memory) return {};
  for (const DueRunRef& run : runs) {
    const Result<bool> marked = mark_in_run(run, entry);
    if (!marked.ok() && marked.error().code == Errc::kCorrupt) {
      log(LogLevel::kError, "store", "a due entry was not settled: {}", marked.error().message);
      mark_damaged();  // what is made again from the log knows that it is settled
      return {};
    }
    if (!marked.ok()) return marked.error();
    if (!*marked) continue;
    if (compaction_) compaction_->note_gone(entry);
    if (run->live() == 0) drop_empty_runs();
    return {};
  }
  return {};
}

// Runs of which nothing is left; their files go with the checkpoints that name them.
void Runs::drop_empty_runs() {
  state_.with([](State& state) {
    std::erase_if(state.runs, [](const DueRunRef& run) { return run->live() == 0; });
  });
}

void Runs::forget(const DueEntry& entry) {
  state_.with([&](State& state) { state.memory.erase(key_of(entry)); });
}

Portion Runs::portion(const DueQuery& query) const {
  return state_.with([&](const State& state) {
    Portion portion;
    auto at = state.memory.upper_bound(key_of(query.after));
    while (at != state.memory.end() && at->second.due <= query.until) {
      if (portion.memory.size() == query.limit) {
        portion.memory_cut = true;
        break;
      }
      portion.memory.push_back((at++)->second);
    }
    for (const DueRunRef& run : state.runs) {
      if (run->first <= query.until && run->last >= query.after.due) portion.runs.push_back(run);
    }
    return portion;
  });
}

Result<std::vector<DueEntry>> Runs::page(const DueQuery& query, const IsLive& is_live) {
  if (damaged()) return unavailable();
  std::vector<DueEntry> page;
  DueQuery rest = query;
  int again = 0;
  while (page.size() < query.limit) {
    Result<bool> more = fill(rest, is_live, page);
    const bool gone = !more.ok() && more.error().code == Errc::kNotFound;
    // A run was rewritten and its file removed meanwhile: the newer runs have what is left of it.
    if (gone && again++ < kAgainMax) continue;
    if (!more.ok()) return std::move(more).error();
    if (!*more) break;
  }
  return page;
}

// Takes a portion from memory and merges it with the runs, up to query.limit entries in the page.
// True: there may be more behind query.after, which is moved on.
Result<bool> Runs::fill(DueQuery& query, const IsLive& is_live, std::vector<DueEntry>& page) {
  PortionWalk walk(portion(query), query);
  while (page.size() < query.limit) {
    PH_ASSIGN(const DueEntry* entry, walk.top());
    if (entry == nullptr) break;
    PH_ASSIGN(const bool live, is_live(*entry));
    const bool again = !page.empty() && key_of(page.back()) == key_of(*entry);
    if (live && !again) page.push_back(*entry);
    if (!live && walk.top_is_in_memory()) forget(*entry);
    if (!live && !walk.top_is_in_memory()) walk.mark_gone();
    query.after = *entry;
    walk.next();
  }
  if (walk.damaged()) {
    mark_damaged();
    return unavailable();
  }
  return walk.is_cut();
}

Status Runs::flush() {
  std::vector<DueEntry> entries;
  state_.with([&](const State& state) {
    entries.reserve(state.memory.size());
    for (const auto& [key, entry] : state.memory) entries.push_back(entry);
  });
  if (entries.empty()) return {};
  PH_ASSIGN(std::vector<DueRunRef> written, write_runs(entries));
  state_.with([&](State& state) {
    for (const DueEntry& entry : entries) state.memory.erase(key_of(entry));
    std::move(written.begin(), written.end(), std::back_inserter(state.runs));
  });
  return {};
}

// One run a bucket; the entries ascend, so the buckets come one after another.
Result<std::vector<DueRunRef>> Runs::write_runs(const std::vector<DueEntry>& entries) {
  const WallTime now = now_.us == 0 ? entries.front().due : now_;
  std::vector<DueRunRef> written;
  for (auto at = entries.begin(); at != entries.end();) {
    const DueBucket bucket = due_bucket(at->due, now);
    const uint64_t number = state_.with([](State& state) { return state.next_number++; });
    PH_ASSIGN(auto writer, SortedFileWriter::create(disk_, path_of(number)));
    PH_TRY(writer->begin_table(kDueShape, 0));
    for (; at != entries.end() && due_bucket(at->due, now) == bucket; ++at) {
      PH_TRY(writer->add(encode_due(*at)));
    }
    PH_TRY(writer->end_table());
    PH_TRY(writer->finish({}));
    cache_.forget(CachedFile(path_of(number)));
    PH_ASSIGN(DueRunRef run, open_run(number, bucket));
    written.push_back(std::move(run));
  }
  return written;
}

Result<bool> Runs::maintain(WallTime now, const IsLive& is_live) {
  now_ = now;
  drop_empty_runs();
  if (damaged()) return false;  // what is left stays as it is until it is mended
  if (!compaction_) {
    uint64_t number = 0;
    DuePlan plan = state_.with([&](State& state) {
      DuePlan chosen = plan_due_compaction(state.runs, options_);
      if (!chosen.inputs.empty()) number = state.next_number++;
      return chosen;
    });
    if (plan.inputs.empty()) return false;
    compaction_ = std::make_unique<DueCompaction>(std::move(plan), number, path_of(number));
  }
  Result<bool> done = compaction_->step(disk_, options_.step_entries_max, is_live);
  if (!done.ok()) {
    compaction_.reset();
    return done;
  }
  if (*done) PH_TRY(finish_compaction());
  return true;
}

Status Runs::finish_compaction() {
  const auto compaction = std::move(compaction_);
  if (compaction->damaged()) {
    // Its output would hide that entries are missing.
    mark_damaged();
    return {};
  }
  DueRunRef output;
  if (compaction->wrote()) {
    cache_.forget(CachedFile(compaction->path()));
    PH_ASSIGN(output, open_run(compaction->number(), compaction->plan().bucket));
    for (const DueEntry& entry : compaction->gone()) PH_TRY(mark_in_run(output, entry));
  }
  state_.with([&](State& state) {
    const auto& inputs = compaction->plan().inputs;
    std::erase_if(state.runs, [&](const DueRunRef& run) {
      return std::find(inputs.begin(), inputs.end(), run) != inputs.end();
    });
    if (output) state.runs.push_back(output);
  });
  drop_empty_runs();
  return {};
}

}  // namespace

Result<std::unique_ptr<DueRuns>> DueRuns::open(io::Disk& disk, BlockCache& cache,
                                               DueRunsOptions options, ByteView section) {
  auto runs = std::make_unique<Runs>(disk, cache, std::move(options));
  PH_TRY(runs->read_section(section));
  return std::unique_ptr<DueRuns>(std::move(runs));
}

}  // namespace posthorn::store::segment

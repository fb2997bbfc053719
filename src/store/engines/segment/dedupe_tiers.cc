// The key files of the idempotency window: lookups through one view of them; additions, merges and
// expiry make a new view.
#include "store/engines/segment/dedupe_tiers.h"

#include <algorithm>

#include "base/log.h"
#include "io/guarded.h"
#include "store/engines/segment/block_file_writer.h"
#include "store/engines/segment/dedupe_file.h"

namespace posthorn::store::segment {
namespace {

constexpr std::string_view kSuffix = "keys";
constexpr size_t kStepKeysMax = 256 * 1024;  // about 30 ms
constexpr int kAsksMax = 4;

using ViewRef = std::shared_ptr<const KeyFiles>;

// A merge under way, taken in steps.
struct KeyMerge {
  KeyFiles inputs;
  NumberRange seqs;
  std::string path;
  std::unique_ptr<TableMerge> source;
  std::unique_ptr<SortedFileWriter> writer;
};

class Tiers final : public DedupeTiers {
 public:
  Tiers(io::Disk& disk, BlockCache& cache, DedupeTiersOptions options)
      : disk_(disk), cache_(cache), options_(std::move(options)) {}

  Status load();

  bool surely_new(const model::DedupeKey& key) const override;
  Result<std::optional<Seq>> find(const model::DedupeKey& key) override;
  Status add(const KeyTable& table) override;
  Result<bool> merge_step(WallTime now) override;
  std::vector<NumberRange> damaged() const override;
  Status remove_damaged(const NumberRange& seqs) override;
  DedupeCounts counts() const override;
  Seq covered() const override;

 private:
  std::string path_of(const NumberRange& seqs) const {
    return path_in(options_.directory, range_name(seqs, kSuffix));
  }
  ViewRef view() const {
    return view_.with([](const ViewRef& view) { return view; });
  }
  Status show(KeyFiles files);
  Status remove_file(const NumberRange& seqs);
  Status remove_expired(WallTime now);
  Result<std::optional<Seq>> find_in(const KeyFiles& files, const model::DedupeKey& key);
  Status begin_merge();
  Result<bool> step_merge();
  Status finish_merge();
  void mark_damaged(const NumberRange& seqs);

  io::Disk& disk_;
  BlockCache& cache_;
  const DedupeTiersOptions options_;
  io::Guarded<ViewRef> view_{std::make_shared<const KeyFiles>()};
  std::unique_ptr<KeyMerge> merge_;
};

bool is_before(const KeyFileRef& a, const KeyFileRef& b) { return a->seqs < b->seqs; }

// The widest ranges first: what lies within one of them is what a merge left behind.
Status Tiers::load() {
  PH_TRY(disk_.make_directory(options_.directory));
  PH_ASSIGN(const auto names, disk_.list(options_.directory));
  std::vector<NumberRange> ranges;
  for (const std::string& name : names) {
    if (const auto range = parse_range_name(name, kSuffix)) ranges.push_back(*range);
    if (name.ends_with(".tmp")) PH_TRY(remove_left_over(disk_, path_in(options_.directory, name)));
  }
  std::sort(ranges.begin(), ranges.end(), [](const NumberRange& a, const NumberRange& b) {
    return a.last - a.first > b.last - b.first;
  });
  KeyFiles files;
  KeyFiles damaged_files;  // what lies within one of them may have been made from it
  for (const NumberRange& range : ranges) {
    const bool replaced = std::any_of(files.begin(), files.end(), [&](const KeyFileRef& file) {
      return file->seqs.holds(range);
    });
    if (replaced) {
      PH_TRY(remove_file(range));
      continue;
    }
    auto opened = open_key_file(cache_, path_of(range), range);
    if (opened.ok()) {
      files.push_back(std::move(opened).value());
      continue;
    }
    log(LogLevel::kError, "store", "keys of messages {} to {} are damaged: {}", range.first,
        range.last, opened.error().message);
    auto lost = std::make_shared<KeyFile>();
    lost->seqs = range;
    lost->damaged = true;
    damaged_files.push_back(std::move(lost));
  }
  files.insert(files.end(), damaged_files.begin(), damaged_files.end());
  return show(std::move(files));
}

// Makes the files the view, with as many filter layers in memory as the budget allows.
Status Tiers::show(KeyFiles files) {
  std::sort(files.begin(), files.end(), is_before);
  const std::vector<uint8_t> wanted = plan_layers(files, options_.filter_bytes_max);
  // What has to go goes first, so that both together stay within the budget.
  for (size_t i = 0; i < files.size(); ++i) {
    if (files[i]->layers.size() <= wanted[i]) continue;
    auto smaller = std::make_shared<KeyFile>(*files[i]);
    smaller->layers.resize(wanted[i]);
    files[i] = std::move(smaller);
  }
  view_.with([&](ViewRef& view) { view = std::make_shared<const KeyFiles>(files); });
  bool loaded = false;
  for (size_t i = 0; i < files.size(); ++i) {
    if (files[i]->layers.size() == wanted[i]) continue;
    auto larger = std::make_shared<KeyFile>(*files[i]);
    for (auto layer = static_cast<uint8_t>(larger->layers.size()); layer < wanted[i]; ++layer) {
      auto lines = larger->file->load_layer(kKeyShape.table, layer);
      if (!lines.ok()) {
        // Lookups go to the disk then, and say what is wrong.
        log(LogLevel::kError, "store", "a filter stays on disk: {}", lines.error().message);
        break;
      }
      larger->layers.push_back(
          std::make_shared<const std::vector<FilterLine>>(std::move(lines).value()));
    }
    files[i] = std::move(larger);
    loaded = true;
  }
  if (!loaded) return {};
  view_.with([&](ViewRef& view) { view = std::make_shared<const KeyFiles>(std::move(files)); });
  return {};
}

Status Tiers::remove_file(const NumberRange& seqs) {
  const std::string path = path_of(seqs);
  cache_.forget(CachedFile(path));
  return remove_left_over(disk_, path);
}

bool Tiers::surely_new(const model::DedupeKey& key) const {
  const ViewRef files = view();
  const FilterHash hash = filter_hash(key_view(key));
  return std::none_of(files->begin(), files->end(),
                      [&](const KeyFileRef& file) { return file->may_contain(hash); });
}

Result<std::optional<Seq>> Tiers::find(const model::DedupeKey& key) {
  for (int again = 0;; ++again) {
    const ViewRef asked = view();
    auto found = find_in(*asked, key);
    // A merge may have removed a file meanwhile.
    if (found.ok() || again == kAsksMax || view() == asked) return found;
  }
}

Result<std::optional<Seq>> Tiers::find_in(const KeyFiles& files, const model::DedupeKey& key) {
  const FilterHash hash = filter_hash(key_view(key));
  for (size_t i = files.size(); i-- > 0;) {
    const KeyFile& file = *files[i];
    if (!file.may_contain(hash)) continue;
    Result<std::optional<Seq>> found = file.find(key);
    if (!found.ok() && found.error().code == Errc::kCorrupt) {
      log(LogLevel::kError, "store", "keys are damaged: {}", found.error().message);
      mark_damaged(file.seqs);
      return error(Errc::kUnavailable, "idempotency keys are damaged and are made again");
    }
    if (!found.ok() || *found) return found;
  }
  return std::optional<Seq>();
}

Status Tiers::add(const KeyTable& table) {
  if (table.size() == 0) return {};
  const NumberRange seqs{table.first().value, table.last().value};
  KeyFiles files = *view();
  const bool there = std::any_of(files.begin(), files.end(), [&](const KeyFileRef& file) {
    return !file->damaged && file->seqs.holds(seqs);
  });
  if (there) return {};  // a replay
  PH_ASSIGN(auto writer, SortedFileWriter::create(disk_, path_of(seqs)));
  PH_TRY(writer->begin_table(kKeyShape, table.size()));
  std::string bytes;
  for (const DedupeEntry& entry : table.sorted()) {
    bytes.assign(key_view(entry.key));
    ByteWriter(bytes).u64(entry.seq.value);
    PH_TRY(writer->add(bytes));
  }
  PH_TRY(writer->end_table());
  PH_TRY(writer->finish(encode_key_meta(table.oldest(), table.newest())));
  cache_.forget(CachedFile(path_of(seqs)));
  PH_ASSIGN(KeyFileRef added, open_key_file(cache_, path_of(seqs), seqs));
  files.push_back(std::move(added));
  return show(std::move(files));
}

// By the newest message there is, not by the clock alone: a clock that jumps ahead while nothing
// is accepted forgets no keys.
Status Tiers::remove_expired(WallTime now) {
  const ViewRef current = view();
  WallTime newest;
  for (const KeyFileRef& file : *current) newest = std::max(newest, file->newest);
  const WallTime horizon = std::min(now, newest) - options_.window;
  KeyFiles kept;
  KeyFiles expired;
  for (const KeyFileRef& file : *current) {
    const bool old = file->file != nullptr && file->newest < horizon;
    (old ? expired : kept).push_back(file);
  }
  if (expired.empty()) return {};
  PH_TRY(show(std::move(kept)));
  for (const KeyFileRef& file : expired) PH_TRY(remove_file(file->seqs));
  return {};
}

Result<bool> Tiers::merge_step(WallTime now) {
  if (!merge_) {
    PH_TRY(remove_expired(now));
    PH_TRY(begin_merge());
    if (!merge_) return false;
  }
  Result<bool> done = step_merge();
  if (!done.ok()) {
    const KeyFiles inputs = std::move(merge_->inputs);
    merge_.reset();
    if (done.error().code != Errc::kCorrupt) return done;
    log(LogLevel::kError, "store", "key files stay unmerged: {}", done.error().message);
    for (const KeyFileRef& input : inputs) {
      if (!input->file->verify().ok()) mark_damaged(input->seqs);
    }
    return true;
  }
  if (*done) PH_TRY(finish_merge());
  return true;
}

Status Tiers::begin_merge() {
  KeyFiles inputs = plan_key_merge(*view());
  if (inputs.empty()) return {};
  auto merge = std::make_unique<KeyMerge>();
  merge->seqs = {inputs.front()->seqs.first, 0};
  std::vector<SortedFileRef> sources;
  for (const KeyFileRef& file : inputs) {
    merge->seqs.last = std::max(merge->seqs.last, file->seqs.last);
    sources.push_back(file->file);
  }
  merge->inputs = std::move(inputs);
  merge->path = path_of(merge->seqs);
  merge->source = std::make_unique<TableMerge>(std::move(sources), kKeyShape);
  PH_ASSIGN(merge->writer, SortedFileWriter::create(disk_, merge->path));
  PH_TRY(merge->writer->begin_table(kKeyShape, merge->source->distinct_max()));
  merge_ = std::move(merge);
  return {};
}

Result<bool> Tiers::step_merge() {
  for (size_t i = 0; i < kStepKeysMax; ++i) {
    PH_ASSIGN(const ByteView entry, merge_->source->next());
    if (entry.empty()) return true;
    PH_TRY(merge_->writer->add(entry));
  }
  return false;
}

Status Tiers::finish_merge() {
  const auto merge = std::move(merge_);
  WallTime oldest = merge->inputs.front()->oldest;
  WallTime newest;
  for (const KeyFileRef& file : merge->inputs) {
    oldest = std::min(oldest, file->oldest);
    newest = std::max(newest, file->newest);
  }
  PH_TRY(merge->writer->end_table());
  PH_TRY(merge->writer->finish(encode_key_meta(oldest, newest)));
  cache_.forget(CachedFile(merge->path));
  PH_ASSIGN(KeyFileRef output, open_key_file(cache_, merge->path, merge->seqs));
  KeyFiles files{std::move(output)};
  KeyFiles replaced;
  for (const KeyFileRef& file : *view()) {
    (merge->seqs.holds(file->seqs) ? replaced : files).push_back(file);
  }
  PH_TRY(show(std::move(files)));
  for (const KeyFileRef& file : replaced) {
    if (file->seqs != merge->seqs) PH_TRY(remove_file(file->seqs));
  }
  return {};
}

void Tiers::mark_damaged(const NumberRange& seqs) {
  view_.with([&](ViewRef& view) {
    KeyFiles files = *view;
    for (KeyFileRef& file : files) {
      if (file->seqs != seqs || file->damaged) continue;
      auto marked = std::make_shared<KeyFile>(*file);
      marked->damaged = true;
      file = std::move(marked);
    }
    view = std::make_shared<const KeyFiles>(std::move(files));
  });
}

std::vector<NumberRange> Tiers::damaged() const {
  std::vector<NumberRange> ranges;
  for (const KeyFileRef& file : *view()) {
    if (file->damaged) ranges.push_back(file->seqs);
  }
  return ranges;
}

Status Tiers::remove_damaged(const NumberRange& seqs) {
  KeyFiles kept;
  bool replaced = false;  // by one of the same name
  for (const KeyFileRef& file : *view()) {
    if (file->seqs == seqs && file->damaged) continue;
    replaced |= file->seqs == seqs;
    kept.push_back(file);
  }
  PH_TRY(show(std::move(kept)));
  return replaced ? Status() : remove_file(seqs);
}

DedupeCounts Tiers::counts() const {
  DedupeCounts counts;
  for (const KeyFileRef& file : *view()) {
    ++counts.files;
    counts.keys += file->keys();
    counts.filter_bytes += file->layers.size() * file->layer_bytes();
  }
  return counts;
}

Seq Tiers::covered() const {
  Seq covered;
  for (const KeyFileRef& file : *view()) covered = std::max(covered, Seq{file->seqs.last});
  return covered;
}

}  // namespace

Result<std::unique_ptr<DedupeTiers>> DedupeTiers::open(io::Disk& disk, BlockCache& cache,
                                                       DedupeTiersOptions options) {
  auto tiers = std::make_unique<Tiers>(disk, cache, std::move(options));
  PH_TRY(tiers->load());
  return std::unique_ptr<DedupeTiers>(std::move(tiers));
}

}  // namespace posthorn::store::segment

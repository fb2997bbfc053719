// Index and run files on disk. A run is only ever a shorter way to what the .idx files say, so
// every doubt about one ends in its removal.
#include "store/engines/segment/index_folder.h"

#include <algorithm>
#include <array>

#include "base/log.h"
#include "store/engines/segment/block_file_writer.h"
#include "store/engines/segment/index_format.h"
#include "store/engines/segment/sorted_file_writer.h"
#include "store/engines/segment/sorted_merge.h"

namespace posthorn::store::segment {
namespace {

constexpr std::string_view kIndexSuffix = "idx";
constexpr std::string_view kRunSuffix = "run";
constexpr std::array kRunTables = {kAppRuns, kTargetRuns, kAttemptRuns, kLateAttempts};

// A run's file and the spans in it.
struct LoadedRun {
  IndexRun run;
  std::vector<SegmentSpan> spans;
};

Result<LoadedRun> load_run(BlockCache& cache, const std::string& path,
                           const NumberRange& segments) {
  PH_ASSIGN(auto file, SortedFile::open(cache, path));
  for (const IndexTable table : {kAppRuns, kTargetRuns, kAttemptRuns, kLateAttempts, kSpans}) {
    const TableInfo* info = file->table(table);
    const TableShape shape = index_shape(table);
    if (info == nullptr || info->shape.key_bytes != shape.key_bytes ||
        info->shape.value_bytes != shape.value_bytes) {
      return error(Errc::kCorrupt, fmt::format("{} has another table {}", path, int{table}));
    }
  }
  LoadedRun loaded{{segments, file}, {}};
  TableScan scan(*file, kSpans);
  while (true) {
    PH_ASSIGN(const ByteView entry, scan.next());
    if (entry.empty()) return loaded;
    const auto span = decode_span(entry);
    if (!span) return error(Errc::kCorrupt, path + " has a bad span");
    loaded.spans.push_back(*span);
  }
}

bool contains(const std::vector<uint64_t>& sorted, uint64_t number) {
  return std::binary_search(sorted.begin(), sorted.end(), number);
}

}  // namespace

std::string IndexFolder::path_of(SegmentNumber segment) const {
  return path_in(directory_, number_name(segment.value, kIndexSuffix));
}

std::string IndexFolder::path_of(const NumberRange& segments) const {
  return path_in(directory_, range_name(segments, kRunSuffix));
}

Result<IndexView> IndexFolder::load() {
  PH_TRY(disk_.make_directory(directory_));
  PH_ASSIGN(const auto names, disk_.list(directory_));
  std::vector<uint64_t> segments;
  std::vector<NumberRange> runs;
  for (const std::string& name : names) {
    if (const auto number = parse_number_name(name, kIndexSuffix)) {
      segments.push_back(*number);
    } else if (const auto range = parse_range_name(name, kRunSuffix)) {
      runs.push_back(*range);
    } else if (name.ends_with(".tmp")) {
      PH_TRY(remove_left_over(disk_, path_in(directory_, name)));
    }
  }
  std::sort(segments.begin(), segments.end());
  IndexView view;
  PH_TRY(load_runs(std::move(runs), segments, view));
  std::vector<SegmentSpan> loose;
  for (const uint64_t number : segments) {
    if (view.span_of(SegmentNumber{number}) != nullptr) continue;
    auto index = open_segment(SegmentNumber{number});
    if (index.ok()) {
      loose.push_back((*index)->span());
    } else {
      log(LogLevel::kError, "store", "index of segment {} is left out: {}", number,
          index.error().message);
    }
  }
  for (const SegmentSpan& span : loose) view.add_span(span);
  view.arrange();
  return view;
}

// The largest ranges first: a smaller run within a sound larger one is what a merge left behind.
Status IndexFolder::load_runs(std::vector<NumberRange> names, const std::vector<uint64_t>& segments,
                              IndexView& view) {
  std::sort(names.begin(), names.end(), [](const NumberRange& a, const NumberRange& b) {
    return a.last - a.first > b.last - b.first;
  });
  for (const NumberRange& range : names) {
    const bool replaced = std::any_of(view.runs.begin(), view.runs.end(), [&](const IndexRun& r) {
      return r.segments.first <= range.last && range.first <= r.segments.last;
    });
    auto loaded = load_run(cache_, path_of(range), range);
    const auto in_run = [&](uint64_t number) {
      const auto& spans = loaded->spans;
      return std::any_of(spans.begin(), spans.end(),
                         [&](const SegmentSpan& s) { return s.segment.value == number; });
    };
    // A segment that was sealed again after the run was made: the run does not know it.
    const auto first = std::lower_bound(segments.begin(), segments.end(), range.first);
    const auto last = std::upper_bound(first, segments.end(), range.last);
    if (replaced || !loaded.ok() || !std::all_of(first, last, in_run)) {
      log(LogLevel::kInfo, "store", "run {} is removed: {}", path_of(range),
          loaded.ok() ? "out of date" : loaded.error().message);
      PH_TRY(remove_run(range));
      continue;
    }
    for (const SegmentSpan& span : loaded->spans) {
      if (!contains(segments, span.segment.value)) continue;
      (span.first.value == 0 ? view.empty : view.spans).push_back(span);
    }
    view.runs.push_back(std::move(loaded->run));
  }
  const auto by_segment = [](const SegmentSpan& a, const SegmentSpan& b) {
    return a.segment < b.segment;
  };
  std::sort(view.spans.begin(), view.spans.end(), by_segment);
  std::sort(view.empty.begin(), view.empty.end(), by_segment);
  std::sort(view.runs.begin(), view.runs.end(), [](const IndexRun& a, const IndexRun& b) {
    return a.segments.first < b.segments.first;
  });
  return {};
}

Status IndexFolder::write_segment(const OpenIndex& index) {
  const std::string path = path_of(index.segment());
  PH_ASSIGN(auto writer, SortedFileWriter::create(disk_, path));
  PH_TRY(index.write(*writer));
  PH_TRY(writer->finish(encode_span(index.span())));
  cache_.forget(CachedFile(path));
  return {};
}

Result<std::shared_ptr<SegmentIndex>> IndexFolder::open_segment(SegmentNumber segment) {
  return SegmentIndex::open(cache_, path_of(segment));
}

Result<IndexRun> IndexFolder::write_run(const Merge& merge) {
  const std::string path = path_of(merge.segments);
  PH_ASSIGN(auto writer, SortedFileWriter::create(disk_, path));
  // Entries of segments that are gone since the inputs were made go with them.
  const auto keep = [&](ByteView entry) {
    const Seq seq{key_u64(entry, 8)};
    const auto at = std::partition_point(merge.spans.begin(), merge.spans.end(),
                                         [&](const SegmentSpan& span) { return span.last < seq; });
    return at != merge.spans.end() && at->first.value != 0 && at->first <= seq;
  };
  for (const IndexTable table : kRunTables) {
    PH_TRY(merge_tables(merge.inputs, index_shape(table), keep, *writer));
  }
  PH_TRY(writer->begin_table(index_shape(kSpans), 0));
  for (const SegmentSpan& span : merge.spans) PH_TRY(writer->add(encode_span(span)));
  PH_TRY(writer->end_table());
  PH_TRY(writer->finish({}));
  cache_.forget(CachedFile(path));
  PH_ASSIGN(auto file, SortedFile::open(cache_, path));
  return IndexRun{merge.segments, std::move(file)};
}

Status IndexFolder::remove_segment(SegmentNumber segment) { return remove_path(path_of(segment)); }

Status IndexFolder::remove_run(const NumberRange& segments) {
  return remove_path(path_of(segments));
}

Status IndexFolder::remove_path(const std::string& path) {
  cache_.forget(CachedFile(path));
  return remove_left_over(disk_, path);
}

}  // namespace posthorn::store::segment

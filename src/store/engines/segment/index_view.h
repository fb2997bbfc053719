// pure: which files answer for which segments at one moment. A query holds one view throughout;
// every change makes a new one. Private to the index tiers.
#pragma once
#include <memory>
#include <vector>

#include "store/engines/segment/file_names.h"
#include "store/engines/segment/segment_index.h"

namespace posthorn::store::segment {

struct IndexRun {
  NumberRange segments;  // in its name; it holds those that there were
  std::shared_ptr<const SortedFile> file;
};

// A run, or a segment that no run covers.
struct IndexSource {
  Seq first;
  Seq last;
  SegmentNumber segment;  // when `run` is null
  std::shared_ptr<const SortedFile> run;
};

struct IndexView {
  std::vector<SegmentSpan> spans;  // of the kept segments with records, ascending
  std::vector<SegmentSpan> empty;  // of the others
  std::vector<IndexRun> runs;      // ascending, disjoint
  std::vector<IndexSource> sources;

  // In its place among the spans; instead of an earlier one of the same segment.
  void add_span(const SegmentSpan& span);
  // To be called after a change of spans or runs.
  void arrange();
  // Null when there is none.
  const SegmentSpan* span_of(Seq seq) const;
  const SegmentSpan* span_of(SegmentNumber segment) const;
  const SegmentSpan* span_of(const IdBytes& id) const;
  // The first record of the segment that `seq` lies in or in front of; kEndOfLog behind the last.
  Seq segment_start(Seq seq) const;
  const IndexRun* run_over(SegmentNumber segment) const;
  // True when some segment of the range is kept.
  bool holds_any(const NumberRange& segments) const;
};

}  // namespace posthorn::store::segment

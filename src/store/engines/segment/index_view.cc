// pure: arranging sources and finding segments.
#include "store/engines/segment/index_view.h"

#include <algorithm>

namespace posthorn::store::segment {
namespace {

// The first span that is not before, by its last seq or id.
template <typename Before>
std::vector<SegmentSpan>::const_iterator first_not(const std::vector<SegmentSpan>& spans,
                                                   Before before) {
  return std::partition_point(spans.begin(), spans.end(), before);
}

}  // namespace

void IndexView::add_span(const SegmentSpan& span) {
  const auto same = [&](const SegmentSpan& other) { return other.segment == span.segment; };
  std::erase_if(spans, same);
  std::erase_if(empty, same);
  auto& list = span.first.value == 0 ? empty : spans;
  const auto at = first_not(list, [&](const SegmentSpan& s) { return s.segment < span.segment; });
  list.insert(at, span);
}

void IndexView::arrange() {
  sources.clear();
  auto run = runs.begin();
  for (const SegmentSpan& span : spans) {
    while (run != runs.end() && run->segments.last < span.segment.value) ++run;
    const bool covered = run != runs.end() && run->segments.first <= span.segment.value;
    if (covered && !sources.empty() && sources.back().run == run->file) {
      sources.back().last = span.last;
      continue;
    }
    sources.push_back({span.first, span.last, covered ? SegmentNumber{} : span.segment,
                       covered ? run->file : nullptr});
  }
}

const SegmentSpan* IndexView::span_of(Seq seq) const {
  const auto at = first_not(spans, [&](const SegmentSpan& span) { return span.last < seq; });
  return at != spans.end() && at->first <= seq ? &*at : nullptr;
}

const SegmentSpan* IndexView::span_of(SegmentNumber segment) const {
  const auto at = first_not(spans, [&](const SegmentSpan& s) { return s.segment < segment; });
  return at != spans.end() && at->segment == segment ? &*at : nullptr;
}

const SegmentSpan* IndexView::span_of(const IdBytes& id) const {
  const auto at = first_not(spans, [&](const SegmentSpan& span) { return span.last_id < id; });
  return at != spans.end() && at->first_id <= id ? &*at : nullptr;
}

Seq IndexView::segment_start(Seq seq) const {
  const auto at = first_not(spans, [&](const SegmentSpan& span) { return span.last < seq; });
  return at == spans.end() ? kEndOfLog : at->first;
}

const IndexRun* IndexView::run_over(SegmentNumber segment) const {
  for (const IndexRun& run : runs) {
    if (run.segments.first <= segment.value && segment.value <= run.segments.last) return &run;
  }
  return nullptr;
}

bool IndexView::holds_any(const NumberRange& segments) const {
  const auto in_range = [&](const std::vector<SegmentSpan>& list) {
    const auto at =
        first_not(list, [&](const SegmentSpan& s) { return s.segment.value < segments.first; });
    return at != list.end() && at->segment.value <= segments.last;
  };
  return in_range(spans) || in_range(empty);
}

}  // namespace posthorn::store::segment

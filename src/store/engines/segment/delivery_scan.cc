// Deliveries by state: from segment to segment, skipping those whose counts say none.
#include "store/engines/segment/delivery_scan.h"

#include <algorithm>

namespace posthorn::store::segment {
namespace {

constexpr size_t kSegmentsAtOnce = 256;
constexpr size_t kTargetsAtOnce = 512;

}  // namespace

Result<std::vector<FoundDelivery>> DeliveryScan::page(const EntryQuery& query,
                                                      const EndpointId& endpoint,
                                                      model::DeliveryState state) {
  // What is sealed meanwhile is in both places; the range says where it is looked for.
  const std::vector<LogIndex::InMemory> in_memory = log_.in_memory();
  const Wanted wanted{query, endpoint, state};
  Wanted sealed = wanted;
  if (!in_memory.empty()) sealed.query.to = std::min(query.to, in_memory.front().first);
  std::vector<FoundDelivery> found;
  if (query.ascending) PH_TRY(scan_sealed(sealed, found));
  PH_TRY(scan_in_memory(in_memory, wanted, found));
  if (!query.ascending) PH_TRY(scan_sealed(sealed, found));
  return found;
}

Status DeliveryScan::scan_in_memory(const std::vector<LogIndex::InMemory>& segments,
                                    const Wanted& wanted, Found& found) {
  const size_t count = segments.size();
  for (size_t step = 0; step < count; ++step) {
    const size_t at = wanted.query.ascending ? step : count - 1 - step;
    Wanted part = wanted;
    part.query.from = std::max(wanted.query.from, segments[at].first);
    if (at + 1 < count) part.query.to = std::min(wanted.query.to, segments[at + 1].first);
    if (found.size() >= wanted.query.limit || part.query.from >= part.query.to) continue;
    PH_TRY(scan_segment({segments[at].segment, log_}, part, found));
  }
  return {};
}

Status DeliveryScan::scan_sealed(Wanted wanted, Found& found) {
  EntryQuery& query = wanted.query;
  EntryQuery segments = query;
  segments.limit = kSegmentsAtOnce;
  while (found.size() < query.limit && segments.from < segments.to) {
    PH_ASSIGN(const auto numbers, tiers_.segments_with_endpoint(segments));
    for (const SegmentNumber number : numbers) {
      if (!outcomes_.may_have(number, query.tail, wanted.state)) continue;
      PH_ASSIGN(const auto index, tiers_.segment(number));
      const Status scanned = scan_segment({number, *index}, wanted, found);
      if (!scanned.ok() && scanned.error().code == Errc::kCorrupt) {
        return tiers_.mark_damaged(number, scanned.error());
      }
      PH_TRY(scanned);
      if (found.size() >= query.limit) return {};
    }
    if (numbers.size() < segments.limit) return {};
    // On behind the last segment looked at.
    PH_ASSIGN(const auto last, tiers_.segment(numbers.back()));
    segments.go_behind(query.ascending ? last->span().last : last->span().first);
  }
  return {};
}

// Either through the endpoint's messages or through all deliveries in the state, whichever are
// fewer.
Status DeliveryScan::scan_segment(const Segment& segment, const Wanted& wanted, Found& found) {
  if (!outcomes_.may_have(segment.number, wanted.query.tail, wanted.state)) return {};
  PH_ASSIGN(const StateCounts own, outcomes_.counts(segment.number, wanted.query.tail));
  const auto state = static_cast<size_t>(wanted.state);
  if (own[state] == 0) return {};
  uint64_t to_endpoint = 0;
  for (const uint32_t count : own) to_endpoint += count;
  const uint64_t in_state = outcomes_.totals(segment.number)[state];
  return in_state < to_endpoint ? by_state(segment, wanted, found)
                                : by_endpoint(segment, wanted, found);
}

Status DeliveryScan::by_endpoint(const Segment& segment, const Wanted& wanted, Found& found) {
  EntryQuery query = wanted.query;
  query.limit = kTargetsAtOnce;
  while (true) {
    PH_ASSIGN(const auto targets, segment.index.messages_to_endpoint(query));
    for (const TargetEntry& target : targets) {
      const Result<Standing> standing = outcomes_.get({segment.number, target.delivery});
      // Committed after the outcomes were brought up to date.
      if (!standing.ok() && standing.error().code == Errc::kNotFound) continue;
      if (!standing.ok()) return standing.error();
      if (standing->state != wanted.state) continue;
      found.push_back({target, *standing});
      if (found.size() >= wanted.query.limit) return {};
    }
    if (targets.size() < query.limit) return {};
    query.go_behind(targets.back().place.seq);
  }
}

Status DeliveryScan::by_state(const Segment& segment, const Wanted& wanted, Found& found) {
  Outcomes::StateScan scan;
  scan.segment = segment.number;
  scan.state = wanted.state;
  scan.ascending = wanted.query.ascending;
  scan.limit = kTargetsAtOnce;
  while (true) {
    PH_ASSIGN(const auto deliveries, outcomes_.in_state(scan));
    for (const DeliveryOrdinal delivery : deliveries) {
      PH_ASSIGN(const auto message, segment.index.message_of_delivery(segment.number, delivery));
      if (!message) continue;
      const Seq seq = message->place.seq;
      if (seq < wanted.query.from || seq >= wanted.query.to) continue;
      PH_ASSIGN(const auto own, segment.index.delivery(seq, wanted.endpoint));
      if (own != delivery) continue;
      PH_ASSIGN(const Standing standing, outcomes_.get({segment.number, delivery}));
      found.push_back({{message->place, delivery}, standing});
      if (found.size() >= wanted.query.limit) return {};
    }
    if (deliveries.size() < scan.limit) return {};
    if (scan.ascending)
      scan.from = deliveries.back() + 1;
    else
      scan.to = deliveries.back();
  }
}

}  // namespace posthorn::store::segment

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
  std::vector<FoundDelivery> found;
  EntryQuery segments = query;
  segments.limit = kSegmentsAtOnce;
  while (found.size() < query.limit) {
    PH_ASSIGN(const auto numbers, index_.segments_with_endpoint(segments));
    for (const SegmentNumber number : numbers) {
      if (!outcomes_.may_have(number, query.tail, state)) continue;
      PH_TRY(scan_segment(number, {query, endpoint, state}, found));
      if (found.size() >= query.limit) return found;
    }
    if (numbers.size() < segments.limit) return found;
    // On behind the last segment looked at.
    PH_ASSIGN(const auto last, index_.segment(numbers.back()));
    if (query.ascending)
      segments.from = last->span().last.next();
    else
      segments.to = last->span().first;
  }
  return found;
}

// Either through the endpoint's messages or through all deliveries in the state, whichever are
// fewer.
Status DeliveryScan::scan_segment(SegmentNumber number, const Wanted& wanted,
                                  std::vector<FoundDelivery>& found) {
  PH_ASSIGN(const StateCounts own, outcomes_.counts(number, wanted.query.tail));
  const auto state = static_cast<size_t>(wanted.state);
  if (own[state] == 0) return {};
  uint64_t to_endpoint = 0;
  for (const uint32_t count : own) to_endpoint += count;
  const uint64_t in_state = outcomes_.totals(number)[state];
  const Status scanned =
      in_state < to_endpoint ? by_state(number, wanted, found) : by_endpoint(number, wanted, found);
  if (scanned.ok() || scanned.error().code != Errc::kCorrupt) return scanned;
  return index_.mark_damaged(number, scanned.error());
}

Status DeliveryScan::by_endpoint(SegmentNumber number, const Wanted& wanted,
                                 std::vector<FoundDelivery>& found) {
  PH_ASSIGN(const auto index, index_.segment(number));
  EntryQuery query = wanted.query;
  query.limit = kTargetsAtOnce;
  while (true) {
    PH_ASSIGN(const auto targets, index->messages_to_endpoint(query));
    for (const TargetEntry& target : targets) {
      PH_ASSIGN(const Standing standing, outcomes_.get({number, target.delivery}));
      if (standing.state != wanted.state) continue;
      found.push_back({target, standing});
      if (found.size() >= wanted.query.limit) return {};
    }
    if (targets.size() < query.limit) return {};
    const Seq last = targets.back().place.seq;
    if (query.ascending)
      query.from = last.next();
    else
      query.to = last;
  }
}

Status DeliveryScan::by_state(SegmentNumber number, const Wanted& wanted,
                              std::vector<FoundDelivery>& found) {
  PH_ASSIGN(const auto index, index_.segment(number));
  Outcomes::StateScan scan;
  scan.segment = number;
  scan.state = wanted.state;
  scan.ascending = wanted.query.ascending;
  scan.limit = kTargetsAtOnce;
  while (true) {
    PH_ASSIGN(const auto deliveries, outcomes_.in_state(scan));
    for (const DeliveryOrdinal delivery : deliveries) {
      PH_ASSIGN(const auto message, index->message_of_delivery(number, delivery));
      if (!message) continue;
      const Seq seq = message->place.seq;
      if (seq < wanted.query.from || seq >= wanted.query.to) continue;
      PH_ASSIGN(const auto own, index->delivery(seq, wanted.endpoint));
      if (own != delivery) continue;
      PH_ASSIGN(const Standing standing, outcomes_.get({number, delivery}));
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

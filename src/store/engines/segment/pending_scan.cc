// From the pending bytes of a sidecar to messages and endpoints, less what commands have settled.
#include "store/engines/segment/pending_scan.h"

#include <fmt/format.h>

namespace posthorn::store::segment {
namespace {
constexpr size_t kLookedAtMax = 2048;  // deliveries of one page
}  // namespace

Result<PendingScan::Judged> PendingScan::judge(Seq message, const EndpointId& endpoint) {
  bool manual_tries = false;
  const Judged judged = parts_.live.with([&](const Live& live) {
    Judged as;
    const LaneRecord* lane = live.lanes.find(endpoint);
    if (lane == nullptr) return as;
    as.app = lane->app;
    manual_tries = lane->manual_tries;
    const LaneClosing* closing = lane->closing_of(message);
    if (closing == nullptr) return as;
    as.pending = false;
    as.state = closing->expired ? model::DeliveryState::kDead : model::DeliveryState::kCancelled;
    as.cause = closing->expired ? model::DeadCause::kExpired : model::DeadCause::kNone;
    return as;
  });
  if (judged.pending || !manual_tries) return judged;
  // A manual try may have opened it again: its attempts tell.
  PH_ASSIGN(const model::Delivery delivery, parts_.history.delivery(message, endpoint));
  Judged exact = judged;
  exact.pending = delivery.state == model::DeliveryState::kPending;
  exact.state = delivery.state;
  exact.cause = delivery.cause;
  return exact;
}

Result<PendingPage> PendingScan::page(const PendingQuery& query) {
  Outcomes::StateScan scan;
  scan.segment = query.segment;
  scan.from = query.from;
  scan.ascending = true;
  scan.limit = kLookedAtMax;
  PH_ASSIGN(const std::vector<DeliveryOrdinal> ordinals,
            parts_.ledger.up_to_date(
                [&](Outcomes& outcomes, DueRuns&) { return outcomes.in_state(scan); }));
  PendingPage page;
  page.next = query.from;
  page.done = ordinals.size() < scan.limit;
  std::vector<Settled> settled;
  for (const DeliveryOrdinal ordinal : ordinals) {
    PH_ASSIGN(const auto entry, parts_.index.message_of_delivery(query.segment, ordinal));
    if (!entry) {
      return error(Errc::kCorrupt, fmt::format("delivery {} of segment {} has no message", ordinal,
                                               query.segment.value));
    }
    if (entry->place.seq > query.through || page.found.size() >= query.limit) {
      page.done = entry->place.seq > query.through;
      break;
    }
    PH_ASSIGN(const model::Targets targets, parts_.index.target_set(query.segment, entry->set));
    const EndpointId endpoint = targets->endpoints()[ordinal - entry->first_delivery];
    PH_ASSIGN(const Judged judged, judge(entry->place.seq, endpoint));
    if (judged.pending)
      page.found.push_back({entry->place.seq, judged.app, endpoint});
    else
      settled.push_back({ordinal, endpoint, judged});
    page.next = ordinal + 1;
  }
  PH_TRY(settle(query.segment, settled));
  return page;
}

Status PendingScan::settle(SegmentNumber segment, const std::vector<Settled>& settled) {
  if (settled.empty()) return {};
  return parts_.ledger.up_to_date([&](Outcomes& outcomes, DueRuns&) -> Status {
    for (const Settled& delivery : settled) {
      const DeliveryPlace place{segment, delivery.delivery};
      PH_ASSIGN(Standing standing, outcomes.get(place));
      if (standing.state != model::DeliveryState::kPending) continue;
      standing.state = delivery.as.state;
      standing.cause = delivery.as.cause;
      PH_TRY(outcomes.set(place, delivery.endpoint, standing));
    }
    return {};
  });
}

}  // namespace posthorn::store::segment

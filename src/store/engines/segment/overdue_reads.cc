// What is overdue, from the indexes and the outcomes.
#include "store/engines/segment/overdue_reads.h"

#include <algorithm>

namespace posthorn::store::segment {
namespace {

constexpr size_t kPendingAtOnce = 512;  // deliveries of one segment, to learn their lanes

}  // namespace

Result<Seq> OverdueReads::last_before(WallTime at) {
  // Before the look: what is committed behind it is younger.
  const Seq last = parts_.live.with([](const Live& live) { return live.end.last; });
  PH_ASSIGN(const Seq first, parts_.index.first_at(at - kIdTimeSlack));
  if (first == kEndOfLog) return last;
  return Seq{first.value == 0 ? 0 : first.value - 1};
}

Result<std::vector<PendingLane>> OverdueReads::lanes_pending(Seq through, size_t limit) {
  std::vector<PendingLane> lanes;
  for (const auto& [segment, first] : parts_.index.segments()) {
    if (first > through || lanes.size() >= limit) break;
    PendingQuery query;
    query.segment = segment;
    query.through = through;
    query.limit = kPendingAtOnce;
    const bool none = parts_.ledger.up_to_date([&](Outcomes& outcomes, DueRuns&) {
      return outcomes.totals(segment)[static_cast<size_t>(model::DeliveryState::kPending)] == 0;
    });
    PendingPage page;
    while (!none && !page.done && page.found.empty()) {
      PH_ASSIGN(page, parts_.pending.page(query));
      query.from = page.next;
    }
    for (const PendingDelivery& delivery : page.found) {
      const PendingLane lane{delivery.app, delivery.endpoint};
      const bool known = std::find(lanes.begin(), lanes.end(), lane) != lanes.end();
      if (!known && lanes.size() < limit) lanes.push_back(lane);
    }
  }
  return lanes;
}

// False when its segment has left the log.
Result<bool> OverdueReads::has_message(const DueEntry& entry) {
  PH_ASSIGN(const auto message, parts_.index.message(entry.seq));
  return message.has_value();
}

// By a delivery that is pending.
Result<bool> OverdueReads::is_waited_for(Seq seq) {
  PH_ASSIGN(const auto message, parts_.index.message(seq));
  if (!message) return false;
  PH_ASSIGN(const model::Targets targets,
            parts_.index.target_set(message->place.segment, message->set));
  DeliveryPlace place{message->place.segment, message->first_delivery};
  for (const EndpointId& endpoint : targets->endpoints()) {
    PH_ASSIGN(const Standing standing, parts_.ledger.up_to_date([&](Outcomes& outcomes, DueRuns&) {
      return outcomes.get(place);
    }));
    ++place.delivery;
    if (standing.state != model::DeliveryState::kPending) continue;
    PH_ASSIGN(const PendingScan::Judged judged, parts_.pending.judge(seq, endpoint));
    if (judged.pending) return true;
  }
  return false;
}

Result<OverduePage> OverdueReads::payloads_over(const OverdueQuery& query) {
  const DueQuery due{query.after, query.until, query.limit};
  PH_ASSIGN(const std::vector<DueEntry> entries, parts_.ledger.up_to_date([&](Outcomes&, DueRuns&) {
    return parts_.ledger.payloads().page(
        due, [this](const DueEntry& entry) { return has_message(entry); });
  }));
  OverduePage page;
  page.last = query.after;
  page.at_end = entries.size() < query.limit;
  for (const DueEntry& entry : entries) {
    page.last = entry;
    PH_ASSIGN(const bool waited_for, is_waited_for(entry.seq));
    if (!waited_for) page.payloads.push_back({entry.app, entry.seq});
  }
  return page;
}

}  // namespace posthorn::store::segment

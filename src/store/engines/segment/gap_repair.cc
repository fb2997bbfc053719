// Sidecars from due entries, due entries from sidecars.
#include "store/engines/segment/gap_repair.h"

#include <algorithm>
#include <limits>

namespace posthorn::store::segment {
namespace {

constexpr size_t kAtOnce = 512;
constexpr size_t kDueAtOnce = 4096;
constexpr WallTime kEndOfTime{std::numeric_limits<int64_t>::max()};

bool was_tried(const LaneRecord& lane, Seq seq) {
  return seq < lane.floor ||
         std::binary_search(lane.tried_above.begin(), lane.tried_above.end(), seq);
}

}  // namespace

Status GapRepair::each_pending(SegmentNumber segment, const Use& use) {
  Outcomes::StateScan scan;
  scan.segment = segment;
  scan.ascending = true;
  scan.limit = kAtOnce;
  while (true) {
    PH_ASSIGN(const auto deliveries, parts_.outcomes.in_state(scan));
    for (const DeliveryOrdinal delivery : deliveries) PH_TRY(with({segment, delivery}, use));
    if (deliveries.size() < scan.limit) return {};
    scan.from = deliveries.back() + 1;
  }
}

Status GapRepair::with(const DeliveryPlace& place, const Use& use) {
  PH_ASSIGN(const auto message, parts_.index.message_of_delivery(place.segment, place.delivery));
  if (!message) return {};
  PH_ASSIGN(const model::Targets targets, parts_.index.target_set(place.segment, message->set));
  const EndpointId endpoint = targets->endpoints()[place.delivery - message->first_delivery];
  PH_ASSIGN(const Standing standing, parts_.outcomes.get(place));
  return use({place, message->place.seq, endpoint, standing});
}

// No more than the segment has deliveries.
Result<GapRepair::Waiting> GapRepair::waiting_of(const SegmentSpan& span) {
  Waiting waiting;
  DueQuery query;
  query.until = kEndOfTime;
  query.limit = kDueAtOnce;
  while (true) {
    PH_ASSIGN(const auto page, parts_.due.page(query, [](const DueEntry&) { return true; }));
    for (const DueEntry& entry : page) {
      if (entry.seq < span.first || entry.seq > span.last) continue;
      waiting[{entry.seq, entry.endpoint}] = entry.attempts;
    }
    if (page.size() < query.limit) return waiting;
    query.after = page.back();
  }
}

Status GapRepair::end_settled(SegmentNumber segment) {
  const auto span = parts_.index.span_of(segment);
  if (!span) return {};
  PH_ASSIGN(const Waiting waiting, waiting_of(*span));
  return each_pending(segment, [&](const Pending& pending) -> Status {
    Standing standing = pending.standing;
    const auto waits = waiting.find({pending.message, pending.endpoint});
    if (waits != waiting.end()) {
      standing.attempts = std::max(standing.attempts, waits->second);
    } else if (is_settled(pending)) {
      standing.state = model::DeliveryState::kDead;
      standing.cause = model::DeadCause::kUnknownOutcome;
      ++standing.attempts;  // the one in the gap, at least
    }
    if (standing != pending.standing) {
      PH_TRY(parts_.outcomes.set(pending.place, pending.endpoint, standing));
    }
    return {};
  });
}

// Of what waits for no time: its first try was made, and no command closed it.
bool GapRepair::is_settled(const Pending& pending) const {
  return parts_.live.with([&](const Live& live) {
    const LaneRecord* lane = live.lanes.find(pending.endpoint);
    return lane != nullptr && was_tried(*lane, pending.message) &&
           lane->closing_of(pending.message) == nullptr;
  });
}

Result<uint16_t> GapRepair::tries_in_log(const Pending& pending) {
  IndexReader::OfMessage query;
  query.message = pending.message;
  query.endpoint = pending.endpoint;
  uint16_t tries = 0;
  while (true) {
    PH_ASSIGN(const auto entries, parts_.index.attempts_of_message(query));
    for (const AttemptEntry& entry : entries) {
      const auto record = parts_.reader.read(entry.place);
      if (!record.ok() && record.error().code == Errc::kCorrupt) continue;
      if (!record.ok()) return record.error();
      PH_ASSIGN(const model::Attempt attempt, model::decode_attempt(record->view, false));
      tries = std::max(tries, attempt.number);
    }
    if (entries.size() < query.limit) return tries;
    query.from = entries.back().place.seq.next();
  }
}

Status GapRepair::add_retries(SegmentNumber segment) {
  return each_pending(segment, [&](const Pending& pending) -> Status {
    PH_ASSIGN(const uint16_t tries, tries_in_log(pending));
    if (tries >= pending.standing.attempts) return {};
    DueEntry entry;
    entry.due = WallTime{1};
    entry.seq = pending.message;
    entry.endpoint = pending.endpoint;
    entry.attempts = pending.standing.attempts;
    const bool known = parts_.live.with([&](const Live& live) {
      const LaneRecord* lane = live.lanes.find(pending.endpoint);
      if (lane != nullptr) entry.app = lane->app;
      return lane != nullptr;
    });
    if (known) parts_.due.add(entry);
    return {};
  });
}

}  // namespace posthorn::store::segment

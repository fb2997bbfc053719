// Reading attempts and deliveries.
#include "store/engines/segment/history_reads.h"

#include <algorithm>

#include "store/delivery_fold.h"
#include "store/query_match.h"

namespace posthorn::store::segment {
namespace {

constexpr size_t kEntriesAtOnce = 64;

AttemptFilter filter_of(const AttemptQuery& query) {
  AttemptFilter filter;
  if (query.state) filter.states = static_cast<uint8_t>(1u << static_cast<unsigned>(*query.state));
  if (query.status_class) {
    filter.status_classes = static_cast<uint8_t>(1u << (*query.status_class / 100));
  }
  return filter;
}

// Tells whether an attempt is on the page and, since attempts come in order, whether the page can
// end here.
enum class Fit : uint8_t { kOn, kOff, kPast };
Fit fit(const AttemptQuery& query, const model::Attempt& attempt) {
  if (!is_after(query, attempt.id)) return Fit::kOff;
  const bool past = query.ascending ? query.before.us != 0 && attempt.recorded_at >= query.before
                                    : query.since.us != 0 && attempt.recorded_at < query.since;
  if (past) return Fit::kPast;
  return matches(query, attempt) ? Fit::kOn : Fit::kOff;
}

}  // namespace

Result<model::Attempt> HistoryReads::read_at(const RecordPlace& place) {
  PH_ASSIGN(const StoredRecord record, parts_.reader.read(place));
  // An erasure that is cut off leaves some of the response.
  const bool erasing =
      parts_.live.with([&](const Live& live) { return live.erasing.contains(place.seq); });
  auto attempt = model::decode_attempt(record.view, !erasing);
  if (!attempt.ok()) return parts_.reader.damaged(place, std::move(attempt).error());
  return attempt;
}

Result<model::Attempt> HistoryReads::attempt(const AppId& app, const AttemptId& id) {
  PH_ASSIGN(const std::vector<AttemptEntry> entries, parts_.index.attempts_with_id(id));
  for (const AttemptEntry& entry : entries) {
    PH_ASSIGN(model::Attempt attempt, read_at(entry.place));
    if (attempt.id == id && attempt.app == app) return attempt;
  }
  return error(Errc::kNotFound, "there is no such attempt");
}

Result<Page<model::Attempt>> HistoryReads::list(const AttemptQuery& query) {
  PH_TRY(check(query));
  return query.message ? list_of_message(query) : list_of_endpoint(query);
}

Result<Page<model::Attempt>> HistoryReads::list_of_message(const AttemptQuery& query) {
  Page<model::Attempt> page;
  auto message = parts_.messages.seq_of(query.app, *query.message);
  if (!message.ok() && message.error().code == Errc::kNotFound) return page;
  IndexReader::OfMessage of;
  PH_ASSIGN(of.message, std::move(message));
  of.endpoint = query.endpoint;
  of.limit = kEntriesAtOnce;
  // The index gives them ascending; there are as many as tries were made.
  std::vector<AttemptEntry> entries;
  while (true) {
    PH_ASSIGN(const std::vector<AttemptEntry> more, parts_.index.attempts_of_message(of));
    entries.insert(entries.end(), more.begin(), more.end());
    if (more.size() < of.limit) break;
    of.from = more.back().place.seq.next();
  }
  if (!query.ascending) std::reverse(entries.begin(), entries.end());
  const AttemptFilter filter = filter_of(query);
  for (const AttemptEntry& entry : entries) {
    if (!filter.passes(entry.facet)) continue;
    PH_ASSIGN(const bool more, add_to_page(query, entry.place, page));
    if (!more) return page;
  }
  return page;
}

Result<bool> HistoryReads::add_to_page(const AttemptQuery& query, const RecordPlace& place,
                                       Page<model::Attempt>& page) {
  Result<model::Attempt> attempt = read_at(place);
  if (is_left_out(attempt, "an attempt")) return true;
  if (!attempt.ok()) return std::move(attempt).error();
  const Fit fits = fit(query, *attempt);
  if (fits != Fit::kOn) return fits == Fit::kOff;
  page.done = page.items.size() < query.limit;
  if (page.done) page.items.push_back(std::move(attempt).value());
  return page.done;
}

Result<EntryQuery> HistoryReads::entries_for(const AttemptQuery& query) {
  EntryQuery entries;
  entries.tail = query.endpoint->bytes.tail();
  entries.ascending = query.ascending;
  entries.limit = std::min(query.limit + 1, kEntriesAtOnce);
  if (query.after) {
    PH_ASSIGN(const auto after, parts_.index.attempts_with_id(*query.after));
    // Several may share the tail of the id; fit() compares ids, so the widest range is right.
    const auto [first, last] = std::minmax_element(
        after.begin(), after.end(),
        [](const AttemptEntry& a, const AttemptEntry& b) { return a.place.seq < b.place.seq; });
    if (!after.empty() && query.ascending) entries.from = first->place.seq;
    if (!after.empty() && !query.ascending) entries.to = last->place.seq;
  }
  if (query.before.us != 0) {
    PH_ASSIGN(const Seq bound, parts_.messages.end_before(query.before));
    entries.to = std::min(entries.to, bound);
  }
  return entries;
}

Result<Page<model::Attempt>> HistoryReads::list_of_endpoint(const AttemptQuery& query) {
  Page<model::Attempt> page;
  PH_ASSIGN(EntryQuery entries, entries_for(query));
  while (true) {
    PH_ASSIGN(const std::vector<AttemptEntry> found,
              parts_.index.attempts_to_endpoint(entries, filter_of(query)));
    for (const AttemptEntry& entry : found) {
      PH_ASSIGN(const bool more, add_to_page(query, entry.place, page));
      if (!more) return page;
    }
    if (found.size() < entries.limit) return page;
    entries.go_behind(found.back().place.seq);
  }
}

std::optional<LaneRecord> HistoryReads::lane(const EndpointId& endpoint) const {
  return parts_.live.with([&](const Live& live) -> std::optional<LaneRecord> {
    const LaneRecord* found = live.lanes.find(endpoint);
    if (found == nullptr) return std::nullopt;
    return *found;
  });
}

// Where the record is damaged the index still knows what it led to.
Result<LastAttempt> HistoryReads::last_of(const AttemptEntry& entry, uint16_t count) {
  const Result<model::Attempt> attempt = read_at(entry.place);
  if (attempt.ok()) return last_attempt(*attempt, count);
  if (!is_left_out(attempt, "an attempt")) return attempt.error();
  LastAttempt last;
  last.seq = entry.place.seq;
  last.count = count;
  last.state = entry.facet.state();
  return last;
}

Result<model::Delivery> HistoryReads::delivery_of_target(const model::Message& message,
                                                         const EndpointId& endpoint) {
  DeliverySource source;
  source.message = message.seq;
  source.deliver_at = message.deliver_at;
  source.endpoint = endpoint;
  // Before the attempts: one that comes in between makes these more, never the standing newer.
  PH_ASSIGN(const Standing standing, standing_of(message.seq, endpoint));
  IndexReader::OfMessage of;
  of.message = message.seq;
  of.endpoint = endpoint;
  of.limit = kEntriesAtOnce;
  size_t count = 0;
  std::optional<AttemptEntry> last;
  while (true) {
    PH_ASSIGN(const std::vector<AttemptEntry> more, parts_.index.attempts_of_message(of));
    count += more.size();
    if (!more.empty()) last = more.back();
    if (more.size() < of.limit) break;
    of.from = last->place.seq.next();
  }
  if (last) {
    PH_ASSIGN(source.last, last_of(*last, static_cast<uint16_t>(count)));
  }
  if (standing.attempts > count) {
    // Attempts have left the log, or are damaged; what they led to is still known.
    if (!source.last) source.last.emplace();
    source.last->count = standing.attempts;
    source.last->state = standing.state;
    source.last->cause = standing.cause;
  }
  const std::optional<LaneRecord> closed = lane(endpoint);
  source.lane = closed ? &*closed : nullptr;
  return delivery_of(source);
}

Result<Standing> HistoryReads::standing_of(Seq message, const EndpointId& endpoint) {
  PH_ASSIGN(const DeliveryPlace place, parts_.index.place_of(message, endpoint));
  return parts_.ledger.up_to_date(
      [&](Outcomes& outcomes, DueRuns&) { return outcomes.get(place); });
}

Result<std::vector<model::Delivery>> HistoryReads::deliveries(Seq seq) {
  PH_ASSIGN(const MessageRef message, parts_.messages.read(seq));
  std::vector<model::Delivery> all;
  for (const EndpointId& endpoint : message->targets->endpoints()) {
    PH_ASSIGN(model::Delivery delivery, delivery_of_target(*message, endpoint));
    all.push_back(delivery);
  }
  return all;
}

Result<model::Delivery> HistoryReads::delivery(Seq seq, const EndpointId& endpoint) {
  PH_ASSIGN(const MessageRef message, parts_.messages.read(seq));
  if (!message->targets->contains(endpoint)) {
    return error(Errc::kNotFound, "the message does not go to this endpoint");
  }
  return delivery_of_target(*message, endpoint);
}

Result<std::vector<Seq>> HistoryReads::candidates(const DeliveryQuery& query,
                                                  const EntryQuery& entries) {
  std::vector<Seq> seqs;
  const std::optional<LaneRecord> closed = lane(query.endpoint);
  const bool by_outcome = query.state && (!closed || closed->closings.empty());
  if (!by_outcome) {
    PH_ASSIGN(const std::vector<TargetEntry> found, parts_.index.messages_to_endpoint(entries));
    for (const TargetEntry& entry : found) seqs.push_back(entry.place.seq);
    return seqs;
  }
  PH_ASSIGN(const std::vector<FoundDelivery> found,
            parts_.ledger.up_to_date([&](Outcomes& outcomes, DueRuns&) {
              DeliveryScan scan(parts_.index, parts_.tiers, outcomes);
              return scan.page(entries, query.endpoint, *query.state);
            }));
  for (const FoundDelivery& delivery : found) seqs.push_back(delivery.target.place.seq);
  return seqs;
}

Result<Page<DeliveryOfMessage>> HistoryReads::list(const DeliveryQuery& query) {
  Page<DeliveryOfMessage> page;
  EntryQuery entries;
  entries.tail = query.endpoint.bytes.tail();
  entries.ascending = query.ascending;
  entries.limit = std::min(query.limit + 1, kEntriesAtOnce);
  PH_TRY(
      parts_.messages.narrow({query.after, query.ascending, query.since, query.before}, entries));
  while (true) {
    PH_ASSIGN(const std::vector<Seq> found, candidates(query, entries));
    for (const Seq seq : found) {
      Result<MessageRef> message = parts_.messages.read(seq);
      if (is_left_out(message, "a message")) continue;
      if (!message.ok()) return std::move(message).error();
      if (!is_after(query, (*message)->id) || !matches(query, **message)) continue;
      PH_ASSIGN(const model::Delivery delivery, delivery_of_target(**message, query.endpoint));
      if (query.state && delivery.state != *query.state) continue;
      page.done = page.items.size() < query.limit;
      if (!page.done) return page;
      page.items.push_back({std::move(message).value(), delivery});
    }
    if (found.size() < entries.limit) return page;
    entries.go_behind(found.back());
  }
}

}  // namespace posthorn::store::segment

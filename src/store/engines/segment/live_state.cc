// Applies records to the state in memory.
#include "store/engines/segment/live_state.h"

namespace posthorn::store::segment {
namespace {

void note_due(Live& live, const std::vector<DueChange>& changes) {
  for (const DueChange& change : changes) live.follow_ups.emplace_back(change);
}

void note_keys(Live& live, const model::Message& message) {
  for (const model::DedupeKey& key : {message.idempotency, message.event_id_key}) {
    if (!key.empty() && !live.keys.find(key)) {
      insert_key(live, key, message.seq, message.accepted_at);
    }
  }
}

}  // namespace

NewOutcome outcome_of(const model::Attempt& attempt) {
  NewOutcome outcome;
  outcome.message = attempt.message_seq;
  outcome.endpoint = attempt.endpoint;
  outcome.standing = {attempt.state_after, attempt.cause, attempt.number};
  outcome.trigger = attempt.trigger;
  return outcome;
}

void insert_key(Live& live, const model::DedupeKey& key, Seq seq, WallTime at) {
  if (live.keys.insert(key, seq, at)) return;
  if (auto full = live.keys.freeze()) live.frozen_keys.push_back(std::move(full));
  CHECK(live.keys.insert(key, seq, at), "an empty table has no room for a key");
}

void apply_set(Live& live, uint32_t set, const model::Targets& targets) {
  live.open.index->add_set(set, targets);
  // Lanes are looked up with the first message, which knows the app.
  if (live.set_slots.size() <= set) live.set_slots.resize(set + 1);
}

DeliveryOrdinal index_record(OpenIndex& index, const model::Message& message, const Placed& at) {
  IndexedMessage indexed;
  indexed.seq = message.seq;
  indexed.offset = at.offset;
  indexed.id = message.id;
  indexed.app = message.app;
  indexed.set = at.set;
  indexed.type_hash = event_type_hash(message.event_type);
  indexed.at = message.accepted_at;
  return index.add_message(indexed);
}

std::optional<DeliveryOrdinal> index_record(OpenIndex& index, const model::Attempt& attempt,
                                            const Placed& at) {
  IndexedAttempt indexed;
  indexed.seq = attempt.seq;
  indexed.offset = at.offset;
  indexed.id = attempt.id;
  indexed.endpoint = attempt.endpoint;
  indexed.message = attempt.message_seq;
  indexed.facet = AttemptFacet::of(attempt);
  return index.add_attempt(indexed);
}

void apply_record(Live& live, const model::Message& message, const Placed& at, bool indexed_only) {
  const DeliveryOrdinal first = index_record(*live.open.index, message, at);
  if (indexed_only) return;
  LaneFold::Slots& slots = live.set_slots[at.set];
  if (slots.size() != message.targets->size()) {
    slots = live.lanes.slots_of(*message.targets, message.app);
  }
  live.lanes.apply(message, slots);
  note_keys(live, message);
  if (message.targets->size() > 0) {
    live.follow_ups.emplace_back(
        NewDeliveries{{live.open.index->segment(), first}, message.targets});
  }
  if (message.payload_retention_hours != 0) {
    live.follow_ups.emplace_back(NewPayloadEnd{payload_end(message)});
  }
  if (message.deliver_at.us == 0) return;
  std::vector<DueChange> changes;
  due_changes(message, changes);
  note_due(live, changes);
}

void apply_record(Live& live, const model::Attempt& attempt, const Placed& at, bool indexed_only) {
  const auto delivery = index_record(*live.open.index, attempt, at);
  if (indexed_only) return;
  live.lanes.apply(attempt);
  NewOutcome outcome = outcome_of(attempt);
  if (delivery) outcome.place = {live.open.index->segment(), *delivery};
  live.follow_ups.emplace_back(outcome);
  if (attempt.scheduled_due.us == 0 && attempt.next_due.us == 0) return;
  std::vector<DueChange> changes;
  due_changes(attempt, changes);
  note_due(live, changes);
}

void apply_record(Live& live, const model::Command& command, const Placed&, bool indexed_only) {
  if (indexed_only) return;
  live.lanes.apply(command);
  std::vector<DueChange> changes;
  due_changes(command, changes);
  note_due(live, changes);
  if (const Seq erased = model::erased_record(command); erased.value != 0) {
    live.erasing.insert(erased);
  }
  live.follow_ups.emplace_back(command);
}

void roll(Live& live, SegmentNumber next) {
  if (live.open.index) live.sealing.push_back(std::move(live.open));
  live.open = {std::make_shared<OpenIndex>(next), live.end.last.next()};
  live.set_slots.clear();
}

}  // namespace posthorn::store::segment

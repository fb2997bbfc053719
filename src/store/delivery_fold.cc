// pure: the state of one delivery, and the due entries of a record.
#include "store/delivery_fold.h"

namespace posthorn::store {

using model::DeliveryState;

LastAttempt last_attempt(const model::Attempt& attempt, uint16_t count) {
  LastAttempt last;
  last.seq = attempt.seq;
  last.count = count;
  last.trigger = attempt.trigger;
  last.state = attempt.state_after;
  last.cause = attempt.cause;
  last.next_due = attempt.next_due;
  return last;
}

model::Delivery delivery_of(const DeliverySource& source) {
  model::Delivery delivery;
  delivery.seq = source.message;
  delivery.endpoint = source.endpoint;
  delivery.next_due = source.deliver_at;
  if (source.last) {
    delivery.attempts = source.last->count;
    delivery.state = source.last->state;
    delivery.cause = source.last->cause;
    delivery.next_due = source.last->next_due;
  }
  if (delivery.state != DeliveryState::kPending) {
    delivery.next_due = WallTime{};
    return delivery;
  }
  const LaneClosing* closing = source.lane ? source.lane->closing_of(source.message) : nullptr;
  if (closing == nullptr) return delivery;
  const bool revived = source.last && source.last->trigger == model::Trigger::kManual &&
                       source.last->seq > closing->at && !source.lane->deleted;
  if (revived) return delivery;
  delivery.state = closing->expired ? DeliveryState::kDead : DeliveryState::kCancelled;
  delivery.cause = closing->expired ? model::DeadCause::kExpired : model::DeadCause::kNone;
  delivery.next_due = WallTime{};
  return delivery;
}

void due_changes(const model::Message& message, std::vector<DueChange>& out) {
  if (message.deliver_at.us == 0 || !message.targets) return;
  for (const EndpointId& endpoint : message.targets->endpoints()) {
    DueChange change{.add = true, .entry = {}};
    change.entry.due = message.deliver_at;
    change.entry.seq = message.seq;
    change.entry.endpoint = endpoint;
    change.entry.app = message.app;
    out.push_back(change);
  }
}

void due_changes(const model::Attempt& attempt, std::vector<DueChange>& out) {
  DueChange change;
  change.entry.seq = attempt.message_seq;
  change.entry.endpoint = attempt.endpoint;
  change.entry.app = attempt.app;
  if (attempt.scheduled_due.us != 0) {
    change.entry.due = attempt.scheduled_due;
    out.push_back(change);
  }
  if (attempt.state_after == DeliveryState::kPending && attempt.next_due.us != 0) {
    change.add = true;
    change.entry.due = attempt.next_due;
    change.entry.attempts = attempt.number;
    change.entry.trigger = attempt.trigger;
    out.push_back(change);
  }
}

void due_changes(const model::Command& command, std::vector<DueChange>& out) {
  if (command.kind != model::CommandKind::kResend) return;
  DueChange change{.add = true, .entry = {}};
  change.entry.due = command.recorded_at;
  change.entry.seq = command.message_seq;
  change.entry.endpoint = command.endpoint;
  change.entry.app = command.app;
  change.entry.trigger = model::Trigger::kManual;
  out.push_back(change);
}

DueEntry payload_end(const model::Message& message) {
  DueEntry entry;
  entry.seq = message.seq;
  entry.app = message.app;
  if (message.payload_retention_hours == 0) return entry;
  entry.due = message.accepted_at + std::chrono::hours{message.payload_retention_hours};
  return entry;
}

bool is_closed(const DueEntry& entry, const LaneRecord& lane) {
  if (lane.deleted) return true;
  return entry.trigger == model::Trigger::kScheduled && lane.closing_of(entry.seq) != nullptr;
}

}  // namespace posthorn::store

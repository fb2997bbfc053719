// pure: what the records say of one delivery and of due times. Both engines answer reads with it.
#pragma once
#include <optional>
#include <vector>

#include "model/attempt.h"
#include "model/command.h"
#include "model/delivery.h"
#include "model/message.h"
#include "store/due_index.h"
#include "store/lane_state.h"

namespace posthorn::store {

// The newest attempt of a delivery, and how many there were.
struct LastAttempt {
  Seq seq;
  uint16_t count = 0;
  model::Trigger trigger = model::Trigger::kScheduled;
  model::DeliveryState state = model::DeliveryState::kPending;
  model::DeadCause cause = model::DeadCause::kNone;
  WallTime next_due;
};

// `count`: attempts of the delivery up to and including this one.
LastAttempt last_attempt(const model::Attempt& attempt, uint16_t count);

struct DeliverySource {
  Seq message;
  WallTime deliver_at;  // of the message
  EndpointId endpoint;
  std::optional<LastAttempt> last;   // none: never tried
  const LaneRecord* lane = nullptr;  // null: no command has touched the lane
};

// An attempt that ended the delivery has the last word; otherwise a command that closed the lane
// over it, unless a manual try came after the command.
model::Delivery delivery_of(const DeliverySource& source);

// What a record does to the due index. An attempt answers the entry {scheduled_due, seq, endpoint}
// and may make another one; closing a lane is judged per entry by is_closed().
struct DueChange {
  bool add = false;  // else remove, by key
  DueEntry entry;
};
void due_changes(const model::Message& message, std::vector<DueChange>& out);
void due_changes(const model::Attempt& attempt, std::vector<DueChange>& out);
void due_changes(const model::Command& command, std::vector<DueChange>& out);

// When the payload of a message is to go, as an entry without an endpoint; due 0: with its message.
DueEntry payload_end(const model::Message& message);

// A command has closed the lane over this entry.
bool is_closed(const DueEntry& entry, const LaneRecord& lane);

}  // namespace posthorn::store

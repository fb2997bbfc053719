// pure: what a committed record entails beyond memory: outcomes, due entries, erasures. The
// committer only notes it (it never reads the disk); the ledger does it later, in log order.
#pragma once
#include <variant>

#include "model/command.h"
#include "model/targets.h"
#include "store/delivery_fold.h"
#include "store/engines/segment/outcomes.h"

namespace posthorn::store::segment {

// The deliveries of a message.
struct NewDeliveries {
  DeliveryPlace first;
  model::Targets targets;
};

// An attempt on a delivery; where the committer knew the delivery's place it is there.
struct NewOutcome {
  DeliveryPlace place;  // segment 0: to be looked up by message and endpoint
  Seq message;
  EndpointId endpoint;
  Standing standing;
  model::Trigger trigger = model::Trigger::kScheduled;
};

// A payload that is kept for a time of its own.
struct NewPayloadEnd {
  DueEntry entry;
};

using FollowUp = std::variant<NewDeliveries, NewOutcome, DueChange, NewPayloadEnd, model::Command>;

}  // namespace posthorn::store::segment

// What follows an attempt: decided once by schedule/policy, recorded with the attempt.
#pragma once
#include "base/units.h"
#include "model/delivery.h"

namespace posthorn::model {

struct Next {
  DeliveryState state = DeliveryState::kPending;
  DeadCause cause = DeadCause::kNone;
  WallTime due;  // of the next try, when the state is pending
};

}  // namespace posthorn::model

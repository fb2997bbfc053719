// A (message, endpoint) pair. It is always in exactly one state.
#pragma once
#include <cstdint>

#include "base/ids.h"
#include "base/units.h"

namespace posthorn::model {

enum class DeliveryState : uint8_t {
  kPending = 1,  // never tried, or waiting for its next try
  kDelivered = 2,
  kDead = 3,
  kCancelled = 4,
  kFiltered = 5,  // cancelled by a transformation
};

enum class DeadCause : uint8_t {
  kNone = 0,
  kExhausted,       // the schedule is used up
  kExpired,         // older than the hold limit, or beyond the lane's backlog limit
  kSkipped,         // skipped by an operator
  kAborted,         // the receiver asked to stop (webhook-delivery: abort-message)
  kUnreadable,      // the stored payload is gone or fails its checksum
  kUnknownOutcome,  // at most once, and the process ended between start and outcome
};

// In flight is not stored: it is a pending delivery with a live attempt.
struct Delivery {
  Seq seq;
  EndpointId endpoint;
  DeliveryState state = DeliveryState::kPending;
  DeadCause cause = DeadCause::kNone;
  uint16_t attempts = 0;
  WallTime next_due;  // 0: none is scheduled
};

}  // namespace posthorn::model

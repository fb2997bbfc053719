// Pure decision: what follows an attempt.
#pragma once
#include "model/attempt.h"
#include "model/next.h"
#include "model/retry_policy.h"

namespace posthorn::schedule {

struct PolicyInput {
  const model::Outcome& outcome;
  uint16_t number = 1;  // of the attempt that just ended
  WallTime now;
  double random = 0.5;  // uniform in [0, 1); drawn once, its result is the recorded due time
};

// Success ends the delivery; a failure is tried again on the schedule, jittered by ±policy.jitter.
// A receiver's Retry-After moves the due time later, never earlier, with a jitter of 0 … +20 %, up
// to the cap. When the schedule is used up the delivery is dead: exhausted.
model::Next decide(const PolicyInput& input, const model::RetryPolicy& policy);

}  // namespace posthorn::schedule

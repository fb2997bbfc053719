// pure: the retry decision.
#include "schedule/policy.h"

#include <algorithm>

namespace posthorn::schedule {

model::Next decide(const PolicyInput& input, const model::RetryPolicy& policy) {
  if (input.outcome.delivered()) return {model::DeliveryState::kDelivered, {}, {}};
  if (input.outcome.kind == model::OutcomeKind::kCancelled) {
    return {model::DeliveryState::kCancelled, {}, {}};
  }
  if (input.number > policy.schedule.size()) {
    return {model::DeliveryState::kDead, model::DeadCause::kExhausted, {}};
  }
  const double nominal = static_cast<double>(policy.schedule[input.number - 1u].count());
  double wait_us = nominal * (1.0 + policy.jitter * (2.0 * input.random - 1.0));
  if (input.outcome.retry_after_s > 0) {
    const double asked = static_cast<double>(input.outcome.retry_after_s) * 1e6;
    const double granted = std::min(asked, static_cast<double>(policy.retry_after_max.count()));
    wait_us = std::max(wait_us, granted * (1.0 + policy.jitter * input.random));
  }
  return {
      model::DeliveryState::kPending, {}, input.now + microseconds{static_cast<int64_t>(wait_us)}};
}

}  // namespace posthorn::schedule

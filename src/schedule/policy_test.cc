#include "schedule/policy.h"

#include <gtest/gtest.h>

namespace posthorn::schedule {
namespace {

using model::DeliveryState;

const model::RetryPolicy kPolicy{{seconds{5}, seconds{300}}, 0.2, seconds{3600}};
const WallTime kNow{1'000'000'000};

model::Outcome failure(uint32_t retry_after_s = 0) {
  model::Outcome outcome;
  outcome.kind = model::OutcomeKind::kHttpError;
  outcome.status = 503;
  outcome.retry_after_s = retry_after_s;
  return outcome;
}

TEST(Policy, SuccessEndsTheDelivery) {
  model::Outcome outcome;
  outcome.kind = model::OutcomeKind::kDelivered;
  EXPECT_EQ(decide({outcome, 1, kNow, 0.5}, kPolicy).state, DeliveryState::kDelivered);
}

TEST(Policy, WaitsFollowTheScheduleWithinTheJitter) {
  EXPECT_EQ(decide({failure(), 1, kNow, 0.5}, kPolicy).due, kNow + seconds{5});
  EXPECT_EQ(decide({failure(), 1, kNow, 0.0}, kPolicy).due, kNow + seconds{4});
  EXPECT_LE(decide({failure(), 1, kNow, 0.999999}, kPolicy).due, kNow + seconds{6});
  EXPECT_EQ(decide({failure(), 2, kNow, 0.5}, kPolicy).due, kNow + seconds{300});
}

TEST(Policy, ExhaustedAfterTheLastWait) {
  const auto next = decide({failure(), 3, kNow, 0.5}, kPolicy);
  EXPECT_EQ(next.state, DeliveryState::kDead);
  EXPECT_EQ(next.cause, model::DeadCause::kExhausted);
  EXPECT_EQ(next.due.us, 0);
}

TEST(Policy, RetryAfterIsNeverShortenedAndCapped) {
  EXPECT_EQ(decide({failure(60), 1, kNow, 0.0}, kPolicy).due, kNow + seconds{60});
  EXPECT_LE(decide({failure(60), 1, kNow, 0.9999}, kPolicy).due, kNow + seconds{72});
  EXPECT_EQ(decide({failure(1), 1, kNow, 0.5}, kPolicy).due, kNow + seconds{5});
  EXPECT_EQ(decide({failure(4'000'000'000u), 1, kNow, 0.0}, kPolicy).due, kNow + seconds{3600});
}

}  // namespace
}  // namespace posthorn::schedule

#include "schedule/lane.h"

#include <gtest/gtest.h>

#include "base/rng.h"

namespace posthorn::schedule {
namespace {

EndpointId endpoint_id() {
  EndpointId id;
  id.bytes.raw[19] = 9;
  return id;
}

store::MessageRef message(uint64_t seq, size_t payload = 10) {
  auto made = std::make_shared<model::Message>();
  made->seq = Seq{seq};
  made->payload.assign(payload, 'x');
  return made;
}

store::DueEntry due(uint64_t seq, uint16_t attempts = 1) {
  return {WallTime{5}, Seq{seq}, endpoint_id(), {}, attempts};
}

constexpr size_t kNoCap = 1000;

ReadyBudget roomy() { return {1u << 30}; }

TEST(Lane, SendsInOrderWithinTheWindowAndGrowsItWithSuccess) {
  const LaneLimits limits;
  ReadyBudget budget = roomy();
  Lane lane(limits, budget, endpoint_id());
  for (uint64_t seq = 1; seq <= 40; ++seq) lane.committed(message(seq));
  for (uint64_t seq = 1; seq <= 4; ++seq) EXPECT_EQ(lane.next({}, kNoCap)->seq.value, seq);
  EXPECT_FALSE(lane.next({}, kNoCap).has_value());
  lane.finished(Seq{2}, Ended::kSuccess, {});
  EXPECT_EQ(lane.window(), 5u);
  EXPECT_EQ(lane.next({}, kNoCap)->seq.value, 5u);
  EXPECT_EQ(lane.next({}, kNoCap)->seq.value, 6u);
  EXPECT_FALSE(lane.next({}, kNoCap).has_value());
}

TEST(Lane, FloorIsTheOldestFirstTryNotYetEnded) {
  const LaneLimits limits;
  ReadyBudget budget = roomy();
  Lane lane(limits, budget, endpoint_id());
  for (uint64_t seq : {3u, 5u, 9u}) lane.committed(message(seq));
  EXPECT_EQ(lane.floor().value, 3u);
  for (int i = 0; i < 3; ++i) (void)lane.next({}, kNoCap);
  EXPECT_EQ(lane.floor().value, 3u);
  lane.finished(Seq{5}, Ended::kFailure, {});
  EXPECT_EQ(lane.floor().value, 3u);
  lane.finished(Seq{3}, Ended::kSuccess, {});
  EXPECT_EQ(lane.floor().value, 9u);
  lane.finished(Seq{9}, Ended::kSuccess, {});
  EXPECT_EQ(lane.floor().value, 10u);
}

TEST(Lane, ARetryInFlightDoesNotHoldTheFloor) {
  const LaneLimits limits;
  ReadyBudget budget = roomy();
  Lane lane(limits, budget, endpoint_id());
  ASSERT_TRUE(lane.offer_due(due(2)));
  const auto send = lane.next({}, kNoCap);
  ASSERT_TRUE(send.has_value());
  EXPECT_EQ(send->number, 2);
  EXPECT_EQ(send->scheduled_due.us, 5);
  EXPECT_EQ(send->message, nullptr);
  EXPECT_EQ(lane.floor().value, 1u);
}

TEST(Lane, BeyondItsMemoryItLagsAndReadsTheLogWithoutGapOrRepeat) {
  LaneLimits limits;
  limits.ready_max = 3;
  ReadyBudget budget = roomy();
  Lane lane(limits, budget, endpoint_id());
  for (uint64_t seq = 1; seq <= 10; ++seq) lane.committed(message(seq));
  EXPECT_TRUE(lane.lagging());
  EXPECT_EQ(lane.read_from().value, 4u);
  std::vector<uint64_t> sent;
  uint64_t committed = 10;
  while (true) {
    if (lane.wants_read()) {
      lane.read_started();
      EXPECT_FALSE(lane.wants_read());
      store::LaneRead read;
      const uint64_t from = lane.read_from().value;
      for (uint64_t seq = from; seq < from + 2 && seq <= committed; ++seq) {
        read.messages.push_back(message(seq));
      }
      read.next = Seq{std::min(from + 2, committed + 1)};
      read.at_end = read.next.value > committed;
      // One more is committed while the read is under way.
      if (committed < 14) lane.committed(message(++committed));
      lane.loaded(read);
    }
    const auto send = lane.next({}, kNoCap);
    if (!send) break;
    sent.push_back(send->seq.value);
    lane.finished(send->seq, Ended::kSuccess, {});
  }
  std::vector<uint64_t> expected;
  for (uint64_t seq = 1; seq <= committed; ++seq) expected.push_back(seq);
  EXPECT_EQ(sent, expected);
  EXPECT_FALSE(lane.lagging());
}

TEST(Lane, ACommitAnnouncedAfterAReadThatSawItCountsOnce) {
  LaneLimits limits;
  limits.ready_max = 2;
  ReadyBudget budget = roomy();
  Lane lane(limits, budget, endpoint_id());
  for (uint64_t seq = 1; seq <= 3; ++seq) lane.committed(message(seq));
  EXPECT_EQ(lane.next({}, kNoCap)->seq.value, 1u);
  EXPECT_EQ(lane.next({}, kNoCap)->seq.value, 2u);
  lane.read_started();
  store::LaneRead read;
  read.messages = {message(3), message(4)};
  read.next = Seq{5};
  read.at_end = true;
  lane.loaded(read);
  lane.committed(message(4));
  EXPECT_EQ(lane.next({}, kNoCap)->seq.value, 3u);
  EXPECT_EQ(lane.next({}, kNoCap)->seq.value, 4u);
  EXPECT_FALSE(lane.next({}, kNoCap).has_value());
  EXPECT_FALSE(lane.lagging());
}

TEST(Lane, ADueEntryOfferedTwiceIsSentOnce) {
  const LaneLimits limits;
  ReadyBudget budget = roomy();
  Lane lane(limits, budget, endpoint_id());
  EXPECT_TRUE(lane.offer_due(due(1)));
  EXPECT_TRUE(lane.offer_due(due(1)));
  EXPECT_TRUE(lane.next({}, kNoCap).has_value());
  EXPECT_TRUE(lane.offer_due(due(1)));
  EXPECT_FALSE(lane.next({}, kNoCap).has_value());
}

TEST(Lane, AfterARestartItSkipsWhatWasTriedAboveTheFloor) {
  const LaneLimits limits;
  store::LaneRecord record;
  record.endpoint = endpoint_id();
  record.floor = Seq{4};
  record.tried_above = {Seq{5}, Seq{7}};
  record.last_targeted = Seq{8};
  record.targeted = 8;
  ReadyBudget budget = roomy();
  Lane lane(limits, budget, record);
  ASSERT_TRUE(lane.wants_read());
  EXPECT_EQ(lane.read_from().value, 4u);
  store::LaneRead read;
  for (uint64_t seq = 4; seq <= 8; ++seq) read.messages.push_back(message(seq));
  read.next = Seq{9};
  read.at_end = true;
  lane.loaded(read);
  EXPECT_EQ(lane.next({}, kNoCap)->seq.value, 4u);
  EXPECT_EQ(lane.next({}, kNoCap)->seq.value, 6u);
  EXPECT_EQ(lane.next({}, kNoCap)->seq.value, 8u);
  EXPECT_FALSE(lane.next({}, kNoCap).has_value());
}

TEST(Lane, FailsAfterTenInARowThenProbesOneAtATime) {
  const LaneLimits limits;
  ReadyBudget budget = roomy();
  Lane lane(limits, budget, endpoint_id());
  for (uint64_t seq = 1; seq <= 30; ++seq) lane.committed(message(seq));
  MonoTime now{0};
  for (int i = 0; i < 10; ++i) {
    EXPECT_FALSE(lane.failing());
    const auto send = lane.next(now, kNoCap);
    ASSERT_TRUE(send.has_value());
    lane.finished(send->seq, Ended::kStalled, now);
  }
  EXPECT_TRUE(lane.failing());
  EXPECT_FALSE(lane.next(now, kNoCap).has_value());
  uint64_t retry = 1;
  for (const int64_t wait_s : {5, 10, 20, 40, 60, 60}) {
    ASSERT_TRUE(lane.offer_due(due(retry++)));
    ASSERT_TRUE(lane.wake_at().has_value());
    EXPECT_EQ((*lane.wake_at() - now), nanoseconds{seconds{wait_s}});
    EXPECT_FALSE(lane.next(*lane.wake_at() - nanoseconds{1}, kNoCap).has_value());
    now = *lane.wake_at();
    const auto probe = lane.next(now, kNoCap);
    ASSERT_TRUE(probe.has_value());
    EXPECT_FALSE(lane.next(now, kNoCap).has_value());
    lane.finished(probe->seq, Ended::kFailure, now);
  }
  ASSERT_TRUE(lane.offer_due(due(retry)));
  now = *lane.wake_at();
  const auto probe = lane.next(now, kNoCap);
  lane.finished(probe->seq, Ended::kSuccess, now);
  EXPECT_FALSE(lane.failing());
  EXPECT_EQ(lane.window(), limits.window_start);
}

// A full window that stalls at once ends as many attempts in the same moment; none is a probe.
TEST(Lane, WhatWasInFlightWhenItBeganToFailDoesNotPutOffTheFirstProbe) {
  const LaneLimits limits;
  ReadyBudget budget = roomy();
  Lane lane(limits, budget, endpoint_id());
  uint64_t seq = 0;
  while (lane.window() < limits.window_max) {
    std::vector<Seq> sent;
    for (size_t left = lane.window(); left > 0; --left) lane.committed(message(++seq));
    while (const auto send = lane.next({}, kNoCap)) sent.push_back(send->seq);
    for (const Seq each : sent) lane.finished(each, Ended::kSuccess, {});
  }
  for (size_t left = lane.window() + 1; left > 0; --left) lane.committed(message(++seq));
  std::vector<Seq> sent;
  while (const auto send = lane.next({}, kNoCap)) sent.push_back(send->seq);
  ASSERT_EQ(sent.size(), limits.window_max);
  const MonoTime now = MonoTime{} + seconds{1};
  for (const Seq each : sent) lane.finished(each, Ended::kStalled, now);
  ASSERT_TRUE(lane.wake_at().has_value());
  EXPECT_EQ((*lane.wake_at() - now), limits.probe_min);
  EXPECT_TRUE(lane.next(*lane.wake_at(), kNoCap).has_value());
}

TEST(Lane, IsStalledFromAStallToTheNextAnswer) {
  const LaneLimits limits;
  ReadyBudget budget = roomy();
  Lane lane(limits, budget, endpoint_id());
  uint64_t seq = 0;
  for (const Ended how : {Ended::kStalled, Ended::kFailure, Ended::kStalled, Ended::kSuccess}) {
    lane.committed(message(++seq));
    (void)lane.next({}, kNoCap);
    lane.finished(Seq{seq}, how, {});
    EXPECT_EQ(lane.stalled(), how == Ended::kStalled) << seq;
  }
}

TEST(Lane, AProbeIsTheOldestDueDelivery) {
  LaneLimits limits;
  limits.failing_after = 1;
  ReadyBudget budget = roomy();
  Lane lane(limits, budget, endpoint_id());
  lane.committed(message(1));
  lane.committed(message(2));
  (void)lane.next({}, kNoCap);
  lane.finished(Seq{1}, Ended::kFailure, {});
  lane.offer_due(due(1));
  EXPECT_EQ(lane.next(*lane.wake_at(), kNoCap)->seq.value, 1u);
}

TEST(Lane, DisabledLanesHoldEverything) {
  const LaneLimits limits;
  ReadyBudget budget = roomy();
  Lane lane(limits, budget, endpoint_id());
  lane.set_enabled(false);
  lane.committed(message(1));
  EXPECT_FALSE(lane.next({}, kNoCap).has_value());
  lane.set_enabled(true);
  EXPECT_TRUE(lane.next({}, kNoCap).has_value());
}

TEST(Lane, CancelDropsWhatWaits) {
  const LaneLimits limits;
  ReadyBudget budget = roomy();
  Lane lane(limits, budget, endpoint_id());
  for (uint64_t seq = 1; seq <= 3; ++seq) lane.committed(message(seq));
  lane.offer_due(due(1));
  lane.cancel_through(Seq{2});
  EXPECT_EQ(lane.next({}, kNoCap)->seq.value, 3u);
  EXPECT_FALSE(lane.next({}, kNoCap).has_value());
  EXPECT_TRUE(lane.offer_due(due(2)));
  EXPECT_FALSE(lane.next({}, kNoCap).has_value());
}

TEST(Lane, HoldsAtMostItsLimitOfDueEntries) {
  LaneLimits limits;
  limits.due_max = 2;
  ReadyBudget budget = roomy();
  Lane lane(limits, budget, endpoint_id());
  EXPECT_TRUE(lane.offer_due(due(1)));
  EXPECT_TRUE(lane.offer_due(due(2)));
  EXPECT_FALSE(lane.offer_due(due(3)));
}

TEST(Lane, ALaneThatComesToAStopHoldsOneMessageAndTheLogTheRest) {
  const LaneLimits limits;
  for (const bool failing : {true, false}) {
    ReadyBudget budget = roomy();
    Lane lane(limits, budget, endpoint_id());
    for (uint64_t seq = 1; seq <= 100; ++seq) lane.committed(message(seq, 10'000));
    EXPECT_GT(budget.bytes, 1'000'000u);
    uint64_t next = 1;
    for (; failing && next <= limits.failing_after; ++next) {
      ASSERT_EQ(lane.next({}, kNoCap)->seq.value, next);
      lane.finished(Seq{next}, Ended::kFailure, {});
    }
    if (!failing) lane.set_enabled(false);
    EXPECT_LT(budget.bytes, 11'000u);
    EXPECT_EQ(lane.read_from().value, next + 1);
    for (uint64_t seq = 101; seq <= 200; ++seq) lane.committed(message(seq, 10'000));
    EXPECT_LT(budget.bytes, 11'000u);
    // It begins again with the message it held.
    lane.set_enabled(true);
    EXPECT_EQ(lane.next(MonoTime{} + seconds{60}, kNoCap)->seq.value, next);
    EXPECT_TRUE(lane.wants_read());
    EXPECT_EQ(lane.read_count(256), failing ? 1u : 256u);
  }
}

TEST(Lane, WhatAReadBringsAfterTheStopIsReadAgainLater) {
  LaneLimits limits;
  limits.ready_max = 1;
  ReadyBudget budget = roomy();
  Lane lane(limits, budget, endpoint_id());
  lane.committed(message(1));
  lane.committed(message(2));
  EXPECT_EQ(lane.next({}, kNoCap)->seq.value, 1u);
  lane.read_started();
  lane.set_enabled(false);
  store::LaneRead read;
  read.messages = {message(2), message(3), message(4)};
  read.next = Seq{5};
  read.at_end = true;
  lane.loaded(read);
  EXPECT_TRUE(lane.lagging());
  EXPECT_EQ(lane.read_from().value, 3u);
}

TEST(Lane, LanesShareABudgetBeyondWhichTheyHoldTheirWindowOnly) {
  const LaneLimits limits;
  ReadyBudget budget{100'000};
  std::vector<std::unique_ptr<Lane>> lanes;
  for (int i = 0; i < 50; ++i) {
    lanes.push_back(std::make_unique<Lane>(limits, budget, endpoint_id()));
    for (uint64_t seq = 1; seq <= 1000; ++seq) lanes.back()->committed(message(seq, 500));
  }
  EXPECT_LE(budget.bytes, 100'000u + 50 * limits.window_start * 1'012);
  EXPECT_EQ(lanes.back()->read_count(256), 1u);
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(lanes.back()->next({}, kNoCap).has_value());
  EXPECT_TRUE(lanes.back()->wants_read());
  EXPECT_EQ(lanes.back()->read_count(256), limits.window_start);
  lanes.clear();
  EXPECT_EQ(budget.bytes, 0u);
}

TEST(Lane, RandomRunsTryEveryMessageOnceFirstWithinTheWindow) {
  for (uint64_t seed = 1; seed <= 60; ++seed) {
    Rng rng(seed);
    LaneLimits limits;
    limits.ready_max = 1 + rng.below(8);
    limits.failing_after = 3;
    ReadyBudget budget{seed % 2 == 0 ? 1u << 30 : 2'000u};
    MonoTime now{};
    Lane lane(limits, budget, endpoint_id());
    uint64_t committed = 0;
    std::vector<Seq> flying;
    std::vector<int> tries(401, 0);
    std::optional<store::LaneRead> pending_read;
    for (int step = 0; step < 8000; ++step) {
      const bool settling = step >= 4000;  // from here on everything goes well
      const uint64_t dice = rng.below(10);
      if (dice < 3 && committed < 400) lane.committed(message(++committed));
      if (dice == 3 && !flying.empty()) {
        const size_t at = rng.below(flying.size());
        lane.finished(flying[at],
                      !settling && rng.below(2) == 0 ? Ended::kFailure : Ended::kSuccess, now);
        flying.erase(flying.begin() + static_cast<long>(at));
      }
      if (rng.below(20) == 0) lane.set_enabled(settling || rng.below(2) == 0);
      now = now + seconds{1};
      if (lane.wants_read()) {
        lane.read_started();
        store::LaneRead read;
        const uint64_t from = lane.read_from().value;
        const uint64_t to = std::min(committed, from + rng.below(5));
        for (uint64_t seq = from; seq <= to; ++seq) read.messages.push_back(message(seq));
        read.next = Seq{to + 1};
        read.at_end = to == committed;
        pending_read = read;
      }
      if (pending_read && rng.below(3) == 0) {
        lane.loaded(*pending_read);
        pending_read.reset();
      }
      if (const auto send = lane.next(now, kNoCap)) {
        ASSERT_EQ(++tries[send->seq.value], 1) << "seed " << seed;
        flying.push_back(send->seq);
        ASSERT_LE(flying.size(), limits.window_max);
      }
      const Seq floor = lane.floor();
      for (uint64_t seq = 1; seq < floor.value && seq <= committed; ++seq) {
        ASSERT_EQ(tries[seq], 1) << "below the floor but never tried, seed " << seed;
      }
    }
    ASSERT_FALSE(lane.has_work()) << "seed " << seed;
    for (uint64_t seq = 1; seq <= committed; ++seq) ASSERT_EQ(tries[seq], 1) << "seed " << seed;
  }
}

// --- the log cannot be read for a while

store::LaneRecord lagging_record() {
  store::LaneRecord record;
  record.endpoint = endpoint_id();
  record.floor = Seq{1};
  record.last_targeted = Seq{9};
  record.targeted = 9;
  return record;
}

TEST(Lane, AReadThatFailedIsRepeatedAfterAPause) {
  const LaneLimits limits;
  ReadyBudget budget = roomy();
  Lane lane(limits, budget, lagging_record());
  ASSERT_TRUE(lane.wants_read());
  lane.read_started();
  lane.read_failed(MonoTime{100});
  EXPECT_FALSE(lane.wants_read());
  const MonoTime again = MonoTime{100} + limits.read_pause;
  ASSERT_EQ(lane.wake_at(), again);
  EXPECT_FALSE(lane.next(again - nanoseconds{1}, kNoCap).has_value());
  EXPECT_FALSE(lane.wants_read());
  EXPECT_FALSE(lane.next(again, kNoCap).has_value());
  EXPECT_TRUE(lane.wants_read());
  EXPECT_EQ(lane.wake_at(), std::nullopt);
}

TEST(Lane, ARetryWhoseMessageCannotBeReadIsKeptAsItWasAndNewMessagesGoOn) {
  const LaneLimits limits;
  ReadyBudget budget = roomy();
  Lane lane(limits, budget, endpoint_id());
  ASSERT_TRUE(lane.offer_due(due(2, 3)));
  const auto send = lane.next({}, kNoCap);
  ASSERT_TRUE(send.has_value());
  lane.postponed(due(2, 3), MonoTime{0});
  EXPECT_EQ(lane.in_flight(), 0u);
  EXPECT_FALSE(lane.next({}, kNoCap).has_value());
  lane.committed(message(7));
  EXPECT_EQ(lane.next({}, kNoCap)->seq.value, 7u);
  const auto again = lane.next(MonoTime{} + limits.read_pause, kNoCap);
  ASSERT_TRUE(again.has_value());
  EXPECT_EQ(again->seq, send->seq);
  EXPECT_EQ(again->number, send->number);
  EXPECT_EQ(again->scheduled_due, send->scheduled_due);
}

TEST(Lane, ARetryPostponedAfterItsLaneWasCancelledStaysCancelled) {
  const LaneLimits limits;
  ReadyBudget budget = roomy();
  Lane lane(limits, budget, endpoint_id());
  ASSERT_TRUE(lane.offer_due(due(2)));
  ASSERT_TRUE(lane.next({}, kNoCap).has_value());
  lane.cancel_through(Seq{2});
  lane.postponed(due(2), {});
  EXPECT_FALSE(lane.next(MonoTime{} + limits.read_pause, kNoCap).has_value());
}

}  // namespace
}  // namespace posthorn::schedule

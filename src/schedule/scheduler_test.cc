// The scheduler's loop over a real store on the simulated machine; attempts end when the test says.
#include "schedule/scheduler.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <map>

#include "store/conformance/store_driver.h"

namespace posthorn::schedule {
namespace {

using store::message_to;
using store::test_endpoint;

constexpr const char* kFirstSegment = "00000000000000000001.log";

class SchedulerTest : public ::testing::Test {
 protected:
  SchedulerTest() = default;
  SchedulerTest(const SchedulerTest&) = delete;
  SchedulerTest& operator=(const SchedulerTest&) = delete;

  void begin(const SchedulerLimits& limits) {
    ASSERT_TRUE(driver_.open().ok());
    scheduler_ = std::make_unique<Scheduler>(
        SchedulerDeps{driver_.loop(), *reader_, driver_.store()}, limits,
        [this](const model::Send& send) { sends_.push_back(send); },
        [](const EndpointId&) { return true; });
    driver_.log().observe(driver_.loop(), scheduler_.get());
    scheduler_->begin(driver_.store().lanes().all());
  }
  ~SchedulerTest() override {
    if (scheduler_) driver_.log().observe(driver_.loop(), nullptr);
    reader_.reset();  // its tasks use the scheduler
    scheduler_.reset();
  }

  bool wait_for_sends(size_t count, nanoseconds limit = seconds{60}) {
    return world_.run_until([&] { return sends_.size() >= count; }, limit);
  }
  void end(const model::Send& send, Ended how, WallTime next_due = {}) {
    scheduler_->finished(send, how);
    scheduler_->recorded(send, next_due);
  }
  size_t sent_to(uint64_t endpoint) const {
    return static_cast<size_t>(std::count_if(sends_.begin(), sends_.end(), [&](const auto& send) {
      return send.endpoint == test_endpoint(endpoint);
    }));
  }
  // The endpoint fails until its lane sends probes only, with messages left to try.
  void make_failing(uint64_t endpoint, uint32_t failures) {
    for (uint32_t i = 0; i < failures + 3; ++i) driver_.post(message_to(1, {endpoint}));
    for (uint32_t ended = 0; ended < failures; ++ended) {
      ASSERT_TRUE(wait_for_sends(ended + 1));
      end(sends_[ended], Ended::kFailure);
    }
  }

  io::sim::World world_{1};
  std::unique_ptr<io::Worker> reader_ = world_.make_worker("reader", 64);
  store::StoreDriver driver_{world_, "segment"};
  std::deque<model::Send> sends_;  // in order; references stay valid
  std::unique_ptr<Scheduler> scheduler_;
};

TEST_F(SchedulerTest, AProbeThatIsDueWhileTheBudgetIsSpentWaitsForIt) {
  SchedulerLimits limits;
  limits.in_flight_max = 1;
  begin(limits);
  make_failing(1, limits.lane.failing_after);
  const size_t before = sends_.size();
  driver_.post(message_to(1, {2}));
  ASSERT_TRUE(wait_for_sends(before + 1, seconds{1}));
  ASSERT_EQ(sends_.back().endpoint, test_endpoint(2));
  world_.run_for(seconds{20});  // the probe's time comes; nothing may spin on it
  EXPECT_EQ(sent_to(1), before);
  end(sends_.back(), Ended::kSuccess);
  ASSERT_TRUE(wait_for_sends(before + 2, seconds{1}));
  EXPECT_EQ(sends_.back().endpoint, test_endpoint(1));
}

// Ends the oldest attempt of each lane in turn and counts the attempts that another lane then
// began: each of them costs a connection.
TEST_F(SchedulerTest, LanesKeepTheirSharesOfASpentBudget) {
  constexpr uint64_t kLanes = 4;
  SchedulerLimits limits;
  limits.in_flight_max = 8;
  begin(limits);
  for (uint64_t i = 0; i < 100 * kLanes; ++i) driver_.post(message_to(1, {1 + i % kLanes}));
  std::map<EndpointId, std::deque<model::Send>> in_flight;
  size_t seen = 0;
  const auto end_one = [&](uint64_t lane) {
    auto& mine = in_flight[test_endpoint(lane)];
    const model::Send ended = mine.front();
    mine.pop_front();
    end(ended, Ended::kSuccess);
    size_t others = 0;
    for (; seen < sends_.size(); ++seen) {
      in_flight[sends_[seen].endpoint].push_back(sends_[seen]);
      others += sends_[seen].endpoint == ended.endpoint ? 0 : 1;
    }
    return others;
  };
  ASSERT_TRUE(wait_for_sends(limits.in_flight_max));
  for (; seen < sends_.size(); ++seen) in_flight[sends_[seen].endpoint].push_back(sends_[seen]);
  bool ascending = false;
  const auto round = [&] {
    ascending = !ascending;
    size_t others = 0;
    for (uint64_t i = 1; i <= kLanes; ++i) {
      const uint64_t lane = ascending ? i : kLanes + 1 - i;
      if (!in_flight[test_endpoint(lane)].empty()) others += end_one(lane);
    }
    return others;
  };
  for (int i = 0; i < 10; ++i) round();
  for (uint64_t lane = 1; lane <= kLanes; ++lane) {
    EXPECT_EQ(in_flight[test_endpoint(lane)].size(), limits.in_flight_max / kLanes) << lane;
  }
  size_t others = 0;
  for (int i = 0; i < 20; ++i) others += round();
  EXPECT_EQ(others, 0u);
  // Lanes that have run dry leave their places to those that have not.
  for (int i = 0; i < 200; ++i) driver_.post(message_to(1, {1}));
  size_t most = 0;
  while (seen < 100 * kLanes + 200) {
    ASSERT_GT(scheduler_->in_flight(), 0u);
    round();
    most = std::max(most, in_flight[test_endpoint(1)].size());
  }
  EXPECT_EQ(most, limits.in_flight_max);
}

// A retry of a message that the log holds; the scheduler must read it.
TEST_F(SchedulerTest, ARetryWaitsOutADiskThatCannotBeRead) {
  begin({});
  const store::MessageRef message = driver_.post(message_to(1, {1}));
  ASSERT_TRUE(wait_for_sends(1));
  world_.storage().inject({io::sim::DiskCall::kRead, 1, Errc::kIo, kFirstSegment});
  end(sends_[0], Ended::kFailure, scheduler_->now() + seconds{5});
  ASSERT_TRUE(wait_for_sends(2));
  EXPECT_EQ(sends_[1].seq, message->seq);
  EXPECT_EQ(sends_[1].number, 2);
  ASSERT_NE(sends_[1].message, nullptr) << "a passing failure ended the delivery";
  EXPECT_EQ(sends_[1].message->payload, message->payload);
}

TEST_F(SchedulerTest, ALaneThatLagsWaitsOutADiskThatCannotBeRead) {
  ASSERT_TRUE(driver_.open().ok());
  for (int i = 0; i < 3; ++i) driver_.post(message_to(1, {1}));
  begin({});
  world_.storage().inject({io::sim::DiskCall::kRead, 1, Errc::kIo, kFirstSegment});
  EXPECT_TRUE(wait_for_sends(3, seconds{5})) << "the lane did not ask again";
}

TEST_F(SchedulerTest, AMessageThatIsDamagedIsHandedOutAsLost) {
  begin({});
  driver_.post(message_to(1, {1}));
  ASSERT_TRUE(wait_for_sends(1));
  world_.storage().inject({io::sim::DiskCall::kRead, 1, Errc::kCorrupt, kFirstSegment});
  end(sends_[0], Ended::kFailure, scheduler_->now() + seconds{5});
  ASSERT_TRUE(wait_for_sends(2));
  EXPECT_EQ(sends_[1].message, nullptr);
}

// More retries come due than the lanes may hold: those refused are read again, pages overtake one
// another, and each is sent once.
TEST_F(SchedulerTest, EachOfManyRetriesIsSentOnceWhateverLittleTheLanesHold) {
  constexpr uint64_t kLanes = 5;
  constexpr size_t kMessages = 500;
  SchedulerLimits limits;
  limits.lane.due_max = 4;
  limits.lane.due_ahead_max = 20;
  limits.due_held_max = 50;
  limits.due_entries_max = 64;
  begin(limits);
  const WallTime due = scheduler_->now() + seconds{300};
  const auto record = [&](const model::Send& send, WallTime next_due) {
    const auto state =
        next_due.us == 0 ? model::DeliveryState::kDelivered : model::DeliveryState::kPending;
    model::Attempt attempt = store::attempt_of(*send.message, 1, state);
    attempt.endpoint = send.endpoint;
    attempt.number = send.number;
    attempt.scheduled_due = send.scheduled_due;
    attempt.next_due = next_due;
    attempt.lane_floor = scheduler_->floor(send.endpoint);
    scheduler_->finished(send, Ended::kSuccess);
    driver_.attempt(attempt);
    scheduler_->recorded(send, next_due);
  };
  for (size_t i = 0; i < kMessages; ++i) driver_.post(message_to(1, {1 + i % kLanes}));
  for (size_t i = 0; i < kMessages; ++i) {
    ASSERT_TRUE(wait_for_sends(i + 1));
    record(sends_[i], due + microseconds(static_cast<int64_t>(i * 7919 % 1000)));
  }
  std::map<std::pair<Seq, EndpointId>, int> retried;
  for (size_t i = kMessages; i < 2 * kMessages; ++i) {
    ASSERT_TRUE(wait_for_sends(i + 1, seconds{600})) << "after " << i - kMessages << " retries";
    ++retried[{sends_[i].seq, sends_[i].endpoint}];
    record(sends_[i], {});
  }
  EXPECT_EQ(retried.size(), kMessages);
  world_.run_for(seconds{120});
  EXPECT_EQ(sends_.size(), 2 * kMessages);
}

TEST_F(SchedulerTest, StartsNothingThatTheFullDiskCouldNotRecord) {
  begin({});
  const store::MessageRef other = driver_.post(message_to(1, {9}));
  ASSERT_TRUE(wait_for_sends(1));
  const auto free = world_.disk().space("/data");
  ASSERT_TRUE(free.ok());
  world_.storage().set_quota(free->total_bytes - free->free_bytes + (256u << 10));
  model::Attempt attempt = store::attempt_of(*other, 9, model::DeliveryState::kPending);
  attempt.outcome.response.assign(16'000, 'x');
  for (int i = 0; i < 100 && driver_.log().health().attempts_allowed; ++i) {
    driver_.attempt(attempt);
    ASSERT_TRUE(driver_.maintain().ok());
  }
  ASSERT_FALSE(driver_.log().health().attempts_allowed);
  world_.run_for(seconds{2});
  end(sends_[0], Ended::kFailure, scheduler_->now() + seconds{5});
  world_.run_for(seconds{60});
  EXPECT_EQ(sends_.size(), 1u);
  world_.storage().set_quota(uint64_t{1} << 40);
  ASSERT_TRUE(driver_.maintain().ok());
  EXPECT_TRUE(wait_for_sends(2));
}

TEST_F(SchedulerTest, WhatHasEndedInTheLogIsNotTriedAgain) {
  begin({});
  const store::MessageRef message = driver_.post(message_to(1, {1}));
  ASSERT_TRUE(wait_for_sends(1));
  end(sends_[0], Ended::kFailure, scheduler_->now() + seconds{30});
  scheduler_->ended_through(test_endpoint(1), message->app, message->seq);
  driver_.post(message_to(1, {1}));
  ASSERT_TRUE(wait_for_sends(2));
  EXPECT_NE(sends_[1].seq, message->seq);
  world_.run_for(seconds{100});
  EXPECT_EQ(sends_.size(), 2u);
}

}  // namespace
}  // namespace posthorn::schedule

// What retention promises, engine by engine: history ends, space is bounded, nothing that is
// pending goes, keys outlive their messages.
#include "store/conformance/retention_suite.h"

#include <gmock/gmock.h>

namespace posthorn::store {

using model::CommandKind;
using model::DeliveryState;

EngineUnderTest retention_under_test(std::string name) { return {std::move(name)}; }

namespace {
constexpr seconds kDay{24 * 3600};
constexpr size_t kPayloadBytes = 1200;
}  // namespace

std::vector<MessageRef> RetentionSuite::post_many(size_t count,
                                                  const std::vector<uint64_t>& endpoints) {
  std::vector<MessageRef> posted;
  for (size_t i = 0; i < count; ++i) {
    model::Message message = message_to(1, endpoints, std::string(kPayloadBytes, 'x'));
    message.idempotency = test_key(++keys_);
    posted.push_back(driver_.post(message));
  }
  return posted;
}

void RetentionSuite::settle(const std::vector<MessageRef>& messages, uint64_t endpoint) {
  for (const MessageRef& message : messages) {
    driver_.attempt(attempt_of(*message, endpoint, DeliveryState::kDelivered));
  }
}

bool RetentionSuite::is_stored(const MessageRef& message) {
  const auto read = driver_.log().read(message->seq);
  EXPECT_TRUE(read.ok() || read.error().code == Errc::kNotFound) << read.error().message;
  const auto by_id = driver_.log().read(message->app, message->id);
  EXPECT_EQ(by_id.ok(), read.ok());
  return read.ok() && (*read)->payload == message->payload;
}

size_t RetentionSuite::stored_of(const std::vector<MessageRef>& messages) {
  size_t count = 0;
  for (const MessageRef& message : messages) count += is_stored(message);
  return count;
}

std::vector<Seq> RetentionSuite::listed() {
  MessageQuery query;
  query.app = test_app(1);
  query.ascending = true;
  query.limit = 100'000;
  const auto page = driver_.log().list(query);
  EXPECT_TRUE(page.ok()) << page.error().message;
  std::vector<Seq> seqs;
  if (!page.ok()) return seqs;
  for (const MessageRef& message : page->items) seqs.push_back(message->seq);
  return seqs;
}

void RetentionSuite::run_down(seconds time) {
  world_.run_for(time);
  ASSERT_TRUE(driver_.maintain().ok());
}

void RetentionSuite::close_lane(CommandKind kind, uint64_t endpoint, Seq through) {
  model::Command command;
  command.kind = kind;
  command.app = test_app(1);
  command.endpoint = test_endpoint(endpoint);
  command.through = through;
  driver_.command(command);
}

namespace {

TEST_P(RetentionSuite, HistoryEndsAndWhatIsYoungerStays) {
  const auto old = post_many(kSegment * 2);
  settle(old);
  const auto lane = *driver_.store().lanes().find(test_endpoint(1));
  run_down(kDay * 29);
  roll();
  ASSERT_TRUE(driver_.maintain().ok());
  EXPECT_EQ(stored_of(old), old.size());
  run_down(kDay * 2);
  EXPECT_EQ(stored_of({old.begin(), old.begin() + kSegment}), 0u);
  EXPECT_GE(listed().size(), kSegment);
  EXPECT_GT(listed().front(), old[kSegment]->seq);
  AttemptQuery attempts;
  attempts.app = test_app(1);
  attempts.message = old[0]->id;
  EXPECT_TRUE(driver_.history().list(attempts)->items.empty());
  // Counts of a lane are not history.
  EXPECT_EQ(driver_.store().lanes().find(test_endpoint(1))->targeted, lane.targeted + kSegment);
  EXPECT_TRUE(is_stored(post_many(1)[0]));
}

TEST_P(RetentionSuite, WhatIsOldGoesThoughNothingFollowsIt) {
  const auto old = post_many(3);
  settle(old);
  run_down(kDay * 29);
  EXPECT_EQ(stored_of(old), old.size());
  for (int day = 29; day < 35; ++day) run_down(kDay);
  EXPECT_EQ(stored_of(old), 0u);
  const auto young = post_many(1);
  EXPECT_TRUE(is_stored(young[0]));
}

TEST_P(RetentionSuite, WhatIsPendingStaysUntilItIsSettled) {
  const auto pending = post_many(1, {1, 2});
  settle(pending, 1);
  roll();
  const auto later = post_many(kSegment);
  settle(later);
  roll();
  run_down(kDay * 31);
  EXPECT_TRUE(is_stored(pending[0]));
  EXPECT_EQ(stored_of(later), 0u);
  // Attempts may be gone, what came of them is not.
  const auto first = driver_.history().delivery(pending[0]->seq, test_endpoint(1));
  ASSERT_TRUE(first.ok()) << first.error().message;
  EXPECT_EQ(first->state, DeliveryState::kDelivered);
  LaneQuery lane;
  lane.app = test_app(1);
  lane.endpoint = test_endpoint(2);
  const auto read = driver_.log().read_lane(lane);
  ASSERT_TRUE(read.ok());
  ASSERT_EQ(read->messages.size(), 1u);
  EXPECT_EQ(read->messages[0]->id, pending[0]->id);
  settle(pending, 2);
  run_down(seconds{60});
  EXPECT_FALSE(is_stored(pending[0]));
}

TEST_P(RetentionSuite, ACommandSettlesWhatKeptASegment) {
  for (const CommandKind kind : {CommandKind::kCancelLane, CommandKind::kExpireLane}) {
    const auto pending = post_many(kSegment, {2});
    roll();
    run_down(kDay * 31);
    EXPECT_EQ(stored_of(pending), pending.size());
    close_lane(kind, 2, pending[kSegment / 2]->seq);
    run_down(seconds{60});
    const std::vector<MessageRef> open(pending.begin() + kSegment / 2 + 1, pending.end());
    EXPECT_EQ(stored_of(open), open.size());
    close_lane(kind, 2, pending.back()->seq);
    run_down(seconds{60});
    EXPECT_EQ(stored_of(pending), 0u);
  }
}

TEST_P(RetentionSuite, TheCapTakesTheOldestThatIsSettled) {
  driver_.options.limits.history_bytes_max = 2u << 20;
  ASSERT_TRUE(driver_.open().ok());
  const auto pending = post_many(1, {2});
  const auto old = post_many(kSegment * 3);
  settle(old);
  std::vector<MessageRef> newest;
  for (int round = 0; round < 12; ++round) settle(newest = post_many(kSegment));
  run_down(seconds{60});
  EXPECT_TRUE(is_stored(pending[0]));
  EXPECT_EQ(stored_of({old.begin() + kSegment, old.end()}), 0u);
  EXPECT_EQ(stored_of(newest), newest.size());
}

TEST_P(RetentionSuite, AKeyIsTakenForItsWindowThoughItsMessageIsGone) {
  driver_.options.limits.history_bytes_max = 2u << 20;
  ASSERT_TRUE(driver_.open().ok());
  const auto old = post_many(kSegment);
  settle(old);
  settle(post_many(kSegment * 12));
  run_down(std::chrono::hours{20});
  ASSERT_FALSE(is_stored(old[0]));
  const auto found = driver_.log().find_duplicate(test_key(1));
  ASSERT_TRUE(found.ok());
  ASSERT_TRUE(found->has_value());
  EXPECT_EQ((*found)->seq, old[0]->seq);
  EXPECT_EQ((*found)->message, nullptr);
}

TEST_P(RetentionSuite, LanesThatHoldForTooLongAreFoundAndExpire) {
  const auto held = post_many(3, {1, 2});
  settle({held[0]}, 1);
  const auto other = post_many(2, {5});
  settle(other, 5);
  world_.run_for(kDay * 10);
  const auto young = post_many(2, {2, 3});
  world_.run_for(kDay * 5);
  RetentionIndex& index = driver_.store().retention();
  const WallTime horizon = world_.clock().wall() - kDay * 14;
  const auto through = index.last_before(horizon);
  ASSERT_TRUE(through.ok());
  EXPECT_GE(*through, other[1]->seq);  // attempts in front of the next message count too
  EXPECT_LT(*through, young[0]->seq);
  EXPECT_EQ(index.last_before(WallTime{1})->value, 0u);
  const auto lanes = index.lanes_pending(*through, 10);
  ASSERT_TRUE(lanes.ok());
  EXPECT_THAT(*lanes, ::testing::UnorderedElementsAre(PendingLane{test_app(1), test_endpoint(1)},
                                                      PendingLane{test_app(1), test_endpoint(2)}));
  EXPECT_EQ(index.lanes_pending(*through, 1)->size(), 1u);
  for (const PendingLane& lane : *lanes) {
    model::Command expire;
    expire.kind = CommandKind::kExpireLane;
    expire.app = lane.app;
    expire.endpoint = lane.endpoint;
    expire.through = *through;
    driver_.command(expire);
  }
  EXPECT_TRUE(index.lanes_pending(*through, 10)->empty());
  const auto dead = driver_.history().delivery(held[2]->seq, test_endpoint(2));
  ASSERT_TRUE(dead.ok());
  EXPECT_EQ(dead->state, DeliveryState::kDead);
  EXPECT_EQ(dead->cause, model::DeadCause::kExpired);
  EXPECT_EQ(driver_.history().delivery(held[0]->seq, test_endpoint(1))->state,
            DeliveryState::kDelivered);
  EXPECT_EQ(driver_.history().delivery(young[0]->seq, test_endpoint(2))->state,
            DeliveryState::kPending);
}

TEST_P(RetentionSuite, APayloadIsOverdueWhenItsTimeIsOverAndNobodyWaitsForIt) {
  std::vector<MessageRef> posted;
  for (uint32_t hours = 0; hours <= 3; ++hours) {
    model::Message message = message_to(1, {1, 2}, "payload");
    message.payload_retention_hours = hours;
    posted.push_back(driver_.post(message));
    driver_.attempt(attempt_of(*posted.back(), 1, DeliveryState::kDelivered));
  }
  settle({posted[0], posted[1], posted[3]}, 2);
  const auto overdue = [&](WallTime until) {
    const auto page = driver_.store().retention().payloads_over({{}, until, 100});
    EXPECT_TRUE(page.ok());
    EXPECT_TRUE(page->at_end);
    std::vector<Seq> seqs;
    for (const OverduePayload& payload : page->payloads) seqs.push_back(payload.message);
    return seqs;
  };
  const WallTime start = world_.clock().wall();
  const std::chrono::minutes slack{1};
  EXPECT_THAT(overdue(start + std::chrono::minutes{59}), ::testing::IsEmpty());
  EXPECT_THAT(overdue(start + std::chrono::hours{1} + slack),
              ::testing::ElementsAre(posted[1]->seq));
  EXPECT_THAT(overdue(start + std::chrono::hours{9}),
              ::testing::ElementsAre(posted[1]->seq, posted[3]->seq));
  // One at a time.
  OverdueQuery query{{}, start + std::chrono::hours{9}, 1};
  const auto first = driver_.store().retention().payloads_over(query);
  ASSERT_TRUE(first.ok());
  EXPECT_FALSE(first->at_end);
  query.after = first->last;
  EXPECT_TRUE(driver_.store().retention().payloads_over(query)->payloads.empty());
  model::Command expunge;
  expunge.kind = CommandKind::kExpungePayload;
  expunge.app = test_app(1);
  expunge.message_seq = posted[1]->seq;
  driver_.command(expunge);
  EXPECT_THAT(overdue(start + std::chrono::hours{9}), ::testing::ElementsAre(posted[3]->seq));
  close_lane(CommandKind::kExpireLane, 2, posted[3]->seq);
  EXPECT_THAT(overdue(start + std::chrono::hours{9}),
              ::testing::ElementsAre(posted[2]->seq, posted[3]->seq));
}

TEST_P(RetentionSuite, AResendOfWhatIsGoneIsNotDue) {
  const auto old = post_many(kSegment);
  settle(old);
  model::Command resend;
  resend.kind = CommandKind::kResend;
  resend.app = test_app(1);
  resend.endpoint = test_endpoint(1);
  resend.message_seq = old[0]->seq;
  driver_.command(resend);
  DueQuery query;
  query.until = world_.clock().wall() + kDay * 100;
  EXPECT_EQ(driver_.store().due().page(query)->size(), 1u);
  roll();
  run_down(kDay * 31);
  ASSERT_FALSE(is_stored(old[0]));
  EXPECT_TRUE(driver_.store().due().page(query)->empty());
}

}  // namespace
}  // namespace posthorn::store

// A disk that runs full under the segment engine, and gets space again.
#include <gtest/gtest.h>

#include <deque>

#include "store/conformance/store_driver.h"

namespace posthorn::store {
namespace {

using model::DeliveryState;

class DiskRunsFull : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(driver_.open().ok()); }

  // So much is free from now on, whatever is on the disk.
  void leave_free(uint64_t bytes) {
    ASSERT_TRUE(driver_.maintain().ok());  // the reserve is whole
    const auto space = world_.disk().space("/data");
    ASSERT_TRUE(space.ok());
    world_.storage().set_quota(space->total_bytes - space->free_bytes + bytes);
    ASSERT_TRUE(driver_.maintain().ok());
  }
  void give_space() {
    world_.storage().set_quota(uint64_t{1} << 40);
    ASSERT_TRUE(driver_.maintain().ok());
  }
  Errc post_refusal() {
    const AppendResult result = driver_.append(batch_of(message_to(1, {1})));
    return result.ok() ? Errc::kInternal : result.error().code;
  }
  model::Attempt long_attempt() const {
    model::Attempt attempt = attempt_of(*pending_, 1, DeliveryState::kPending);
    attempt.outcome.response.assign(16'000, 'x');
    return attempt;
  }
  // Attempts until half of the reserve is used.
  void use_half_of_the_reserve() {
    pending_ = driver_.post(message_to(1, {1}));
    leave_free(256u << 10);
    for (int i = 0; i < 100 && driver_.log().health().attempts_allowed; ++i) {
      driver_.attempt(long_attempt());
      ASSERT_TRUE(driver_.maintain().ok());
    }
    ASSERT_FALSE(driver_.log().health().attempts_allowed);
  }

  // Messages of several segments, all delivered.
  std::vector<MessageRef> settle_many() {
    std::vector<MessageRef> settled;
    for (int i = 0; i < 900; ++i) {
      settled.push_back(driver_.post(message_to(1, {1}, std::string(1200, 'x'))));
      driver_.attempt(attempt_of(*settled.back(), 1, DeliveryState::kDelivered));
    }
    EXPECT_TRUE(driver_.maintain().ok());
    return settled;
  }

  // Nothing is free any more, as when another program fills the disk.
  void fill() {
    const auto space = world_.disk().space("/data");
    ASSERT_TRUE(space.ok());
    world_.storage().set_quota(space->total_bytes - space->free_bytes);
  }
  using Answers = std::deque<std::optional<AppendResult>>;
  // Starts attempts until the log has no place for one; those beyond the last are not answered.
  void use_all_of_the_reserve(Answers& answers) {
    pending_ = driver_.post(message_to(1, {1}));
    fill();
    for (int i = 0; i < 200; ++i) {
      Batch batch;
      batch.items.emplace_back(NewAttempt{long_attempt()});
      if (!driver_.start(std::move(batch), answers.emplace_back()).ok()) break;
      driver_.settle();
      if (!answers.back()) return;
    }
    FAIL() << "the log did not run full";
  }

  io::sim::World world_{7};
  StoreDriver driver_{world_, "segment"};
  MessageRef pending_;
};

TEST_F(DiskRunsFull, RefusesMessagesAndTakesThemAgainWithoutARestart) {
  pending_ = driver_.post(message_to(1, {1}));
  EXPECT_TRUE(driver_.log().health().accepting);
  leave_free(512u << 10);
  EXPECT_EQ(post_refusal(), Errc::kNoSpace);
  EXPECT_FALSE(driver_.log().health().accepting);
  EXPECT_EQ(driver_.log().health().why_not.code, Errc::kNoSpace);
  EXPECT_TRUE(driver_.log().health().attempts_allowed);
  driver_.attempt(long_attempt());
  give_space();
  EXPECT_TRUE(driver_.log().health().accepting);
  EXPECT_NE(driver_.post(message_to(1, {1})), nullptr);
}

TEST_F(DiskRunsFull, HalfOfTheReserveIsForWhatIsInFlightAndForCommands) {
  use_half_of_the_reserve();
  driver_.attempt(long_attempt());
  model::Command expunge;
  expunge.kind = model::CommandKind::kExpungePayload;
  expunge.app = test_app(1);
  expunge.message_seq = pending_->seq;
  driver_.command(expunge);
  EXPECT_TRUE(driver_.log().read(pending_->seq).value()->payload_expunged);
  // A checkpoint has space too.
  ASSERT_TRUE(driver_.open().ok());
  EXPECT_TRUE(driver_.log().read(pending_->seq).value()->payload_expunged);
  EXPECT_EQ(post_refusal(), Errc::kNoSpace);
  give_space();
  EXPECT_TRUE(driver_.log().health().attempts_allowed);
  EXPECT_NE(driver_.post(message_to(1, {1})), nullptr);
}

TEST_F(DiskRunsFull, AttemptsBeyondTheReserveWaitForSpaceInTheirOrder) {
  Answers answers;
  ASSERT_NO_FATAL_FAILURE(use_all_of_the_reserve(answers));
  const size_t recorded = answers.size() - 1;
  EXPECT_FALSE(driver_.log().health().attempts_allowed);
  EXPECT_FALSE(driver_.log().health().accepting);
  EXPECT_EQ(post_refusal(), Errc::kNoSpace);
  // What comes behind keeps its batch and comes again.
  Batch next;
  next.items.emplace_back(NewAttempt{long_attempt()});
  const Status refused = driver_.log().append(std::move(next), driver_.loop(), [](const auto&) {});
  EXPECT_EQ(refused.error().code, Errc::kNoSpace);
  EXPECT_EQ(next.items.size(), 1u);  // NOLINT(bugprone-use-after-move): what was refused stays
  (void)driver_.maintain().ok();
  EXPECT_FALSE(answers.back().has_value());
  give_space();
  ASSERT_TRUE(answers.back().has_value());
  EXPECT_TRUE(driver_.log().health().attempts_allowed);
  driver_.attempt(long_attempt());
  EXPECT_NE(driver_.post(message_to(1, {1})), nullptr);
  Seq last = pending_->seq;
  for (size_t i = 0; i <= recorded; ++i) {
    ASSERT_TRUE((*answers[i]).ok()) << i;
    EXPECT_EQ((*answers[i])->front().seq, last.next());
    last = (*answers[i])->front().seq;
  }
  ASSERT_TRUE(driver_.open().ok());
  AttemptQuery all;
  all.app = test_app(1);
  all.message = pending_->id;
  all.limit = 1000;
  EXPECT_EQ(driver_.history().list(all).value().items.size(), answers.size() + 1);
}

TEST_F(DiskRunsFull, SpaceIsNoticedByThoseWhoAreRefused) {
  Answers answers;
  ASSERT_NO_FATAL_FAILURE(use_all_of_the_reserve(answers));
  world_.storage().set_quota(uint64_t{1} << 40);
  EXPECT_EQ(post_refusal(), Errc::kNoSpace);
  driver_.settle();
  EXPECT_TRUE(answers.back().has_value());
  EXPECT_NE(driver_.post(message_to(1, {1})), nullptr);
}

TEST_F(DiskRunsFull, ClosingEndsInOrderAndLosesOnlyWhatFoundNoSpace) {
  Answers answers;
  ASSERT_NO_FATAL_FAILURE(use_all_of_the_reserve(answers));
  const Seq last = driver_.log().last_durable();
  EXPECT_TRUE(driver_.close().ok());
  ASSERT_TRUE(answers.back().has_value());
  EXPECT_EQ(answers.back()->error().code, Errc::kNoSpace);
  ASSERT_TRUE(driver_.open().ok());
  EXPECT_EQ(driver_.log().last_durable(), last);
  EXPECT_EQ(post_refusal(), Errc::kNoSpace);
  EXPECT_FALSE(driver_.log().health().attempts_allowed);
  EXPECT_TRUE(driver_.log().read(pending_->seq).ok());
  give_space();
  EXPECT_NE(driver_.post(message_to(1, {1})), nullptr);
}

// Where there is no byte for a checkpoint, what may leave the log still does.
TEST_F(DiskRunsFull, OldHistoryGoesAlsoWhenNothingIsFree) {
  const std::vector<MessageRef> settled = settle_many();
  pending_ = settled.back();
  fill();
  // A segment is full and cannot be sealed before anything has left.
  for (int i = 0; i < 18; ++i) driver_.attempt(long_attempt());
  ASSERT_TRUE(driver_.maintain().ok());
  EXPECT_EQ(driver_.log().read(settled.front()->seq).error().code, Errc::kNotFound);
  EXPECT_TRUE(driver_.maintain().ok());
}

TEST_F(DiskRunsFull, OldHistoryGoesBeforeMessagesAreRefused) {
  const std::vector<MessageRef> settled = settle_many();
  leave_free(512u << 10);
  EXPECT_TRUE(driver_.log().health().accepting);
  EXPECT_NE(driver_.post(message_to(1, {1})), nullptr);
  EXPECT_EQ(driver_.log().read(settled.front()->seq).error().code, Errc::kNotFound);
  EXPECT_TRUE(driver_.log().read(settled.back()->seq).ok());
}

}  // namespace
}  // namespace posthorn::store

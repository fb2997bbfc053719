// A disk that runs full under the segment engine, and gets space again.
#include <gtest/gtest.h>

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

TEST_F(DiskRunsFull, OldHistoryGoesBeforeMessagesAreRefused) {
  std::vector<MessageRef> settled;
  for (int i = 0; i < 900; ++i) {
    settled.push_back(driver_.post(message_to(1, {1}, std::string(1200, 'x'))));
    driver_.attempt(attempt_of(*settled.back(), 1, DeliveryState::kDelivered));
  }
  ASSERT_TRUE(driver_.maintain().ok());
  leave_free(512u << 10);
  EXPECT_TRUE(driver_.log().health().accepting);
  EXPECT_NE(driver_.post(message_to(1, {1})), nullptr);
  EXPECT_EQ(driver_.log().read(settled.front()->seq).error().code, Errc::kNotFound);
  EXPECT_TRUE(driver_.log().read(settled.back()->seq).ok());
}

}  // namespace
}  // namespace posthorn::store

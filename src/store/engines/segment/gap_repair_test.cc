// A segment stays for one pending delivery while those behind it leave the log. When derived files
// are then made again, nothing that was settled is sent again and nothing that waits is forgotten.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <map>

#include "store/conformance/store_driver.h"

namespace posthorn::store {
namespace {

using model::DeadCause;
using model::DeliveryState;

constexpr uint64_t kBlocked = 9;  // the endpoint that is never answered

class GapRepairTest : public ::testing::Test {
 protected:
  void SetUp() override {
    driver_.options.limits.segment_bytes = 64u << 10;
    driver_.options.limits.group_bytes_max = 16u << 10;
    ASSERT_TRUE(driver_.open().ok());
    old_ = driver_.post(message_to(1, {1, 2, 3, kBlocked}));
    try_on(1, 1, DeliveryState::kPending);
    try_on(2, 1, DeliveryState::kPending);
    roll();
    // What the gap will hold: one is settled, one fails again, one fails for the first time.
    try_on(1, 2, DeliveryState::kDelivered);
    try_on(2, 2, DeliveryState::kPending);
    try_on(3, 1, DeliveryState::kPending);
    roll();
    world_.run_for(seconds{31 * 24 * 3600});
    roll();
    ASSERT_TRUE(driver_.maintain().ok());
    AttemptQuery attempts;
    attempts.app = test_app(1);
    attempts.message = old_->id;
    ASSERT_EQ(driver_.history().list(attempts)->items.size(), 2u) << "there is no gap";
    expect_standings(DeliveryState::kDelivered, DeadCause::kNone);
  }

  void try_on(uint64_t endpoint, uint16_t number, DeliveryState state) {
    model::Attempt attempt = attempt_of(*old_, endpoint, state);
    attempt.number = number;
    attempt.scheduled_due = dues_[endpoint];
    // Later than all that the test waits for.
    const seconds wait{40 * 24 * 3600 + number};
    if (state == DeliveryState::kPending) attempt.next_due = world_.clock().wall() + wait;
    dues_[endpoint] = attempt.next_due;
    attempt.lane_floor = old_->seq.next();
    driver_.attempt(attempt);
  }
  // Ends the segment that is written, with messages that are settled.
  void roll() {
    for (int i = 0; i < 60; ++i) {
      const MessageRef message = driver_.post(message_to(1, {5}, std::string(1200, 'x')));
      driver_.attempt(attempt_of(*message, 5, DeliveryState::kDelivered));
    }
    ASSERT_TRUE(driver_.maintain().ok());
  }
  // A byte in the first block of every file is wrong, which no start reads; what is noticed is made
  // again.
  void damage(const std::string& folder) {
    ASSERT_TRUE(driver_.close().ok());
    const auto names = world_.disk().list(folder);
    ASSERT_TRUE(names.ok());
    ASSERT_FALSE(names->empty());
    for (const std::string& name : *names) {
      ASSERT_TRUE(world_.storage().flip_bits(fmt::format("{}/{}", folder, name), 100, 0x10).ok())
          << name;
    }
    ASSERT_TRUE(driver_.open().ok());
    EXPECT_FALSE(asks_succeed()) << "the damage is not noticed";
    for (int round = 0; round < 20 && !asks_succeed(); ++round) (void)driver_.maintain();
    ASSERT_TRUE(asks_succeed());
    ASSERT_TRUE(driver_.maintain().ok());
  }
  bool asks_succeed() {
    bool sound = driver_.store().due().page(all_due()).ok();
    for (const DeliveryState state : {DeliveryState::kPending, DeliveryState::kDelivered}) {
      for (const uint64_t endpoint : {1, 2, 3, 9}) {
        DeliveryQuery query;
        query.app = test_app(1);
        query.endpoint = test_endpoint(endpoint);
        query.state = state;
        sound &= driver_.history().list(query).ok();
      }
    }
    return sound;
  }
  DueQuery all_due() const {
    DueQuery query;
    query.until = world_.clock().wall() + seconds{400 * 24 * 3600};
    return query;
  }
  // Endpoint, tries so far.
  std::vector<std::pair<EndpointId, int>> due() {
    std::vector<std::pair<EndpointId, int>> found;
    const auto page = driver_.store().due().page(all_due());
    EXPECT_TRUE(page.ok()) << page.error().message;
    for (const DueEntry& entry : *page) found.emplace_back(entry.endpoint, entry.attempts);
    std::sort(found.begin(), found.end());
    return found;
  }
  void expect_standings(DeliveryState first, DeadCause cause) {
    const auto delivery = [&](uint64_t endpoint) {
      const auto found = driver_.history().delivery(old_->seq, test_endpoint(endpoint));
      EXPECT_TRUE(found.ok()) << found.error().message;
      return *found;
    };
    EXPECT_EQ(delivery(1).state, first);
    EXPECT_EQ(delivery(1).cause, cause);
    EXPECT_EQ(delivery(2).state, DeliveryState::kPending);
    EXPECT_EQ(delivery(3).state, DeliveryState::kPending);
    EXPECT_EQ(delivery(kBlocked).state, DeliveryState::kPending);
    const std::vector<std::pair<EndpointId, int>> waiting = {{test_endpoint(2), 2},
                                                             {test_endpoint(3), 1}};
    EXPECT_EQ(due(), waiting);
  }

  io::sim::World world_{11};
  StoreDriver driver_{world_, "segment"};
  MessageRef old_;
  std::map<uint64_t, WallTime> dues_;  // by endpoint
};

TEST_F(GapRepairTest, DueEntriesComeFromWhatTheSidecarsKnow) {
  damage("/data/due");
  expect_standings(DeliveryState::kDelivered, DeadCause::kNone);
}

TEST_F(GapRepairTest, SidecarsComeFromWhatIsDue) {
  damage("/data/outcomes");
  expect_standings(DeliveryState::kDead, DeadCause::kUnknownOutcome);
}

TEST_F(GapRepairTest, ARestartChangesNothing) {
  ASSERT_TRUE(driver_.open().ok());
  expect_standings(DeliveryState::kDelivered, DeadCause::kNone);
}

}  // namespace
}  // namespace posthorn::store

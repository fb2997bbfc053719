// Retention under random traffic: the segment engine names the same lanes and payloads as the
// reference model, keeps whatever is pending, and says the same of every delivery that both keep.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "store/conformance/store_driver.h"

namespace posthorn::store {
namespace {

using model::DeliveryState;

constexpr uint64_t kEndpoints = 6;

// The same calls to both engines, in one world.
class Both {
 public:
  explicit Both(uint64_t seed) : world_(seed), rng_(seed * 77) {
    for (StoreDriver* driver : {&model_, &segment_}) {
      driver->options.limits.segment_bytes = 64u << 10;
      driver->options.limits.group_bytes_max = 16u << 10;
      driver->options.limits.history = seconds{10 * 24 * 3600};
      EXPECT_TRUE(driver->open().ok());
    }
  }

  void step() {
    const uint64_t what = rng_.below(100);
    if (what < 55) return post();
    if (what < 85) return attempt();
    if (what < 90) return close_lane();
    if (what < 93) return expunge();
    if (what < 96) return world_.run_for(seconds{static_cast<int64_t>(rng_.below(40 * 3600))});
    if (what < 99) return maintain();
    EXPECT_TRUE(segment_.open().ok());  // a restart
  }

  void compare() {
    const Seq through{1 + rng_.below(posted_.size() * 2 + 1)};
    const auto lanes = [&](StoreDriver& driver) {
      return driver.store().retention().lanes_pending(through, 1000).value();
    };
    EXPECT_THAT(lanes(segment_), ::testing::UnorderedElementsAreArray(lanes(model_)));
    for (const auto& [seq, message] : posted_) compare(message);
    const OverdueQuery query{{}, world_.clock().wall(), 10'000};
    const auto over = [&](StoreDriver& driver) {
      auto page = driver.store().retention().payloads_over(query).value();
      // The segment engine may keep messages for longer, and the payloads with them.
      std::erase_if(page.payloads, [&](const OverduePayload& payload) {
        return !model_.log().read(payload.message).ok();
      });
      return page.payloads;
    };
    EXPECT_EQ(over(segment_), over(model_));
  }

 private:
  void compare(const MessageRef& message) {
    for (const EndpointId& endpoint : message->targets->endpoints()) {
      const auto wanted = model_.history().delivery(message->seq, endpoint);
      if (!wanted.ok()) continue;
      const auto got = segment_.history().delivery(message->seq, endpoint);
      if (!got.ok()) {
        EXPECT_EQ(got.error().code, Errc::kNotFound);
        EXPECT_NE(wanted->state, DeliveryState::kPending) << message->seq.value;
        continue;
      }
      EXPECT_EQ(got->state, wanted->state) << message->seq.value;
      EXPECT_EQ(got->cause, wanted->cause) << message->seq.value;
    }
  }

  void post() {
    std::vector<uint64_t> endpoints{1 + rng_.below(kEndpoints)};
    if (rng_.below(2) == 0) endpoints.push_back(1 + rng_.below(kEndpoints));
    model::Message message = message_to(1, endpoints, std::string(200 + rng_.below(2500), 'x'));
    if (rng_.below(4) == 0) {
      message.payload_retention_hours = static_cast<uint32_t>(1 + rng_.below(100));
    }
    const MessageRef posted = model_.post(message);
    ASSERT_EQ(segment_.post(message)->seq, posted->seq);
    posted_[posted->seq] = posted;
    open_.push_back(posted);
  }

  void attempt() {
    if (open_.empty()) return;
    const size_t at = rng_.below(open_.size());
    const MessageRef message = open_[at];
    for (const EndpointId& endpoint : message->targets->endpoints()) {
      model::Attempt attempt = attempt_of(*message, 1, DeliveryState::kDelivered);
      attempt.endpoint = endpoint;
      if (rng_.below(3) == 0) attempt.state_after = DeliveryState::kPending;
      attempt.number = ++tries_[{message->seq, endpoint}];
      model_.attempt(attempt);
      segment_.attempt(attempt);
    }
    open_.erase(open_.begin() + static_cast<ptrdiff_t>(at));
  }

  void command(const model::Command& command) {
    const Seq seq = model_.command(command);
    EXPECT_EQ(segment_.command(command), seq);
  }
  void close_lane() {
    if (posted_.empty()) return;
    model::Command close;
    close.kind =
        rng_.below(2) == 0 ? model::CommandKind::kCancelLane : model::CommandKind::kExpireLane;
    close.app = test_app(1);
    close.endpoint = test_endpoint(1 + rng_.below(kEndpoints));
    close.through = Seq{1 + rng_.below(posted_.rbegin()->first.value)};
    command(close);
  }
  void expunge() {
    if (posted_.empty()) return;
    const MessageRef message = posted_.rbegin()->second;
    model::Command erase;
    erase.kind = model::CommandKind::kExpungePayload;
    erase.app = test_app(1);
    erase.message_seq = message->seq;
    command(erase);
  }
  void maintain() {
    EXPECT_TRUE(model_.maintain().ok());
    EXPECT_TRUE(segment_.maintain().ok());
  }

  io::sim::World world_;
  Rng rng_;
  StoreDriver model_{world_, "memory"};
  StoreDriver segment_{world_, "segment"};
  std::map<Seq, MessageRef> posted_;
  std::vector<MessageRef> open_;
  std::map<std::pair<Seq, EndpointId>, uint16_t> tries_;
};

TEST(RetentionProperty, EnginesAgreeUnderRandomTraffic) {
  for (uint64_t seed = 1; seed <= 6; ++seed) {
    Both both(seed);
    for (int round = 0; round < 12; ++round) {
      for (int i = 0; i < 60; ++i) both.step();
      both.compare();
      ASSERT_FALSE(::testing::Test::HasFailure()) << "seed " << seed << ", round " << round;
    }
  }
}

}  // namespace
}  // namespace posthorn::store

#include "deliver/deliverer.h"

#include <gtest/gtest.h>

#include "http/testing/raw_peer.h"
#include "io/sim/world.h"

namespace posthorn::deliver {
namespace {

using http::RawPeer;
using http::RawServer;
using std::chrono::hours;

const IpAddress kFirst = IpAddress::v4(93, 184, 216, 34);
const IpAddress kSecond = IpAddress::v4(93, 184, 216, 35);
const IpAddress kThird = IpAddress::v4(93, 184, 216, 36);
const std::string kHost = "hooks.example";

class DelivererTest : public testing::Test {
 protected:
  DelivererTest() { endpoint_->url = "http://" + kHost + "/"; }

  void refuse(const IpAddress& ip) {
    io::sim::Link link;
    link.reach = io::sim::Link::Reach::kRefuse;
    world_.network().set_link({ip, 80}, link);
  }

  // A receiver that takes every delivery.
  std::unique_ptr<RawServer> receiver(const IpAddress& ip) {
    return std::make_unique<RawServer>(*loop_, SocketAddress{ip, 80}, nullptr, [](RawPeer& peer) {
      if (!peer.received().ends_with("\r\n\r\n{}")) return;
      peer.clear();
      peer.send("HTTP/1.1 204 No Content\r\n\r\n");
    });
  }

  // The outcome of one attempt, driven to its end.
  model::Outcome run() {
    auto message = std::make_shared<model::Message>();
    message->payload = "{}";
    message->content_type = "application/json";
    std::optional<model::Outcome> outcome;
    deliverer_.attempt(endpoint_, message, world_.clock().wall(),
                       [&](model::Outcome got) { outcome = std::move(got); });
    EXPECT_FALSE(outcome.has_value()) << "the callback ran inside attempt()";
    EXPECT_TRUE(world_.run_until([&] { return outcome.has_value(); }, hours{1}));
    return outcome.value_or(model::Outcome{});
  }

  io::sim::World world_{1};
  std::unique_ptr<io::Loop> loop_ = world_.make_loop();
  http::Client client_{*loop_, nullptr, {}};
  std::shared_ptr<model::Endpoint> endpoint_ = std::make_shared<model::Endpoint>();
  Deliverer deliverer_{*loop_, client_, {}};
};

TEST_F(DelivererTest, ASlowNameServerCannotOutlastTheDeadline) {
  world_.names().set(kHost, {kFirst});
  world_.names().set_delay(seconds{60}, seconds{60});
  const auto server = receiver(kFirst);
  const MonoTime start = world_.clock().now();
  const model::Outcome outcome = run();
  EXPECT_EQ(outcome.kind, model::OutcomeKind::kTimedOut);
  EXPECT_NE(outcome.response.find("lookup"), std::string::npos) << outcome.response;
  EXPECT_LT(world_.clock().now() - start, seconds{16});
  EXPECT_GE(outcome.timings.dns_us, 15'000'000u);
  world_.run_for(seconds{50});  // the late answer finds nobody
  EXPECT_EQ(server->connections(), 0u);
  EXPECT_EQ(run().kind, model::OutcomeKind::kDelivered);
}

TEST_F(DelivererTest, AnAddressThatRefusesIsNotTheWholeName) {
  world_.names().set(kHost, {kFirst, kSecond, kThird});
  refuse(kFirst);
  refuse(kThird);
  const auto server = receiver(kSecond);
  for (int i = 0; i < 6; ++i) {
    const model::Outcome outcome = run();
    EXPECT_EQ(outcome.kind, model::OutcomeKind::kDelivered) << outcome.response;
  }
}

TEST_F(DelivererTest, AttemptsGoRoundTheAddressesOfAName) {
  world_.names().set(kHost, {kFirst, kSecond});
  const auto first = receiver(kFirst);
  const auto second = receiver(kSecond);
  for (int i = 0; i < 4; ++i) EXPECT_EQ(run().kind, model::OutcomeKind::kDelivered);
  EXPECT_EQ(first->connections(), 1u);
  EXPECT_EQ(second->connections(), 1u);
}

TEST_F(DelivererTest, WhenEveryAddressRefusesTheAttemptHasFailed) {
  world_.names().set(kHost, {kFirst, kSecond});
  refuse(kFirst);
  refuse(kSecond);
  const model::Outcome outcome = run();
  EXPECT_EQ(outcome.kind, model::OutcomeKind::kConnectFailed) << outcome.response;
}

// What an answer does after it has begun says something about the receiver: it is the outcome.
TEST_F(DelivererTest, AnAddressThatAnswersBadlyIsNotReplaced) {
  world_.names().set(kHost, {kFirst, kSecond});
  const auto closing = [](RawPeer& peer) { peer.close(); };
  RawServer first(*loop_, {kFirst, 80}, closing, nullptr);
  RawServer second(*loop_, {kSecond, 80}, closing, nullptr);
  EXPECT_EQ(run().kind, model::OutcomeKind::kDisconnected);
  EXPECT_EQ(first.connections() + second.connections(), 1u);
}

}  // namespace
}  // namespace posthorn::deliver

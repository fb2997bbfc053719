// The whole gateway on the simulated machine: from POST to a signed webhook.
#include <gtest/gtest.h>

#include <charconv>
#include <set>

#include "app/testing/sim_city.h"
#include "wire/signature.h"

namespace posthorn::app::testing {
namespace {

const SocketAddress kReceiver = *SocketAddress::parse("10.0.0.2:80");

// A city with one application and one endpoint.
class GatewaySim : public ::testing::Test {
 protected:
  void begin(const std::string& endpoint = R"({"url":"http://10.0.0.2/hook","uid":"ep"})") {
    ASSERT_TRUE(city_.start().ok());
    ASSERT_EQ(city_.post("/api/v1/app", R"({"name":"a","uid":"app"})").status, 201);
    const Answer made = city_.post("/api/v1/app/app/endpoint", endpoint);
    ASSERT_EQ(made.status, 201) << made.body;
    secret_ = city_.get("/api/v1/app/app/endpoint/ep/secret").text("key");
    ASSERT_FALSE(secret_.empty());
  }
  Answer send(const std::string& payload) {
    return city_.post("/api/v1/app/app/msg",
                      R"({"eventType":"user.created","payload":)" + payload + "}");
  }
  bool verified(const Webhook& webhook) const {
    int64_t timestamp = 0;
    std::from_chars(webhook.timestamp.data(), webhook.timestamp.data() + webhook.timestamp.size(),
                    timestamp);
    return wire::verify_signature(webhook.signature, secret_,
                                  {webhook.id, timestamp, webhook.body});
  }

  SimCity city_{1};
  Receiver receiver_{*city_.outside, kReceiver};
  std::string secret_;
};

TEST_F(GatewaySim, AnEventIsDeliveredSignedByteForByteAndRecorded) {
  begin();
  const std::string payload = "{ \"b\" : 1.50,\n\"a\":\"\\u00e9\" }";
  const Answer accepted = send(payload);
  ASSERT_EQ(accepted.status, 202) << accepted.body;
  ASSERT_TRUE(city_.run_until([&] { return !receiver_.webhooks.empty(); }));
  const Webhook& webhook = receiver_.webhooks[0];
  EXPECT_EQ(webhook.body, payload);
  EXPECT_EQ(webhook.id, accepted.text("id"));
  EXPECT_EQ(webhook.content_type, "application/json");
  EXPECT_TRUE(verified(webhook));
  city_.world.run_for(seconds{1});
  const Answer attempts = city_.get("/api/v1/app/app/attempt/msg/" + webhook.id);
  EXPECT_EQ(attempts.status, 200);
  EXPECT_NE(attempts.body.find(R"("responseStatusCode":200)"), std::string::npos) << attempts.body;
  EXPECT_EQ(receiver_.webhooks.size(), 1u);
}

TEST_F(GatewaySim, FailuresAreTriedAgainOnTheScheduleNeverEarly) {
  city_.config.delivery_retry_schedule = {seconds{5}, seconds{300}};
  receiver_.statuses = {500, 503};
  begin();
  ASSERT_EQ(send("{}").status, 202);
  ASSERT_TRUE(city_.run_until([&] { return receiver_.webhooks.size() == 3; }, seconds{400}));
  const auto& got = receiver_.webhooks;
  const auto gap = [&](size_t i) { return (got[i].at - got[i - 1].at).count() / 1e9; };
  EXPECT_GE(gap(1), 4.0);
  EXPECT_LE(gap(1), 6.0 + 1.0);
  EXPECT_GE(gap(2), 240.0);
  EXPECT_LE(gap(2), 360.0 + 1.0);
  for (const Webhook& webhook : got) {
    EXPECT_EQ(webhook.id, got[0].id);
    EXPECT_TRUE(verified(webhook));
  }
  EXPECT_FALSE(city_.run_until([&] { return got.size() > 3; }, seconds{1000}));
}

TEST_F(GatewaySim, TheScheduleUsedUpEndsTheDeliveryDead) {
  city_.config.delivery_retry_schedule = {seconds{1}};
  receiver_.statuses = {500, 500, 500};
  begin();
  const Answer accepted = send("{}");
  EXPECT_FALSE(city_.run_until([&] { return receiver_.webhooks.size() > 2; }, seconds{100}));
  EXPECT_EQ(receiver_.webhooks.size(), 2u);
}

TEST_F(GatewaySim, ATimeoutIsAFailureAndOthersAreNotHeldUp) {
  city_.config.delivery_request_timeout = milliseconds{2000};
  city_.config.delivery_retry_schedule = {seconds{60}};
  Receiver other(*city_.outside, *SocketAddress::parse("10.0.0.3:80"));
  receiver_.silent = true;
  begin();
  ASSERT_EQ(city_.post("/api/v1/app/app/endpoint", R"({"url":"http://10.0.0.3/"})").status, 201);
  for (int i = 0; i < 20; ++i) ASSERT_EQ(send("{}").status, 202);
  EXPECT_TRUE(city_.run_until([&] { return other.webhooks.size() == 20; }, seconds{1}));
  receiver_.silent = false;
  EXPECT_TRUE(city_.run_until([&] { return receiver_.webhooks.size() >= 24; }, seconds{300}));
}

TEST_F(GatewaySim, AnAddressTheGuardRefusesIsNeverDialled) {
  city_.config.delivery_allow_targets.clear();
  city_.config.delivery_retry_schedule.clear();
  begin();
  const Answer accepted = send("{}");
  city_.world.run_for(seconds{5});
  EXPECT_TRUE(receiver_.webhooks.empty());
  const Answer attempts = city_.get("/api/v1/app/app/attempt/msg/" + accepted.text("id"));
  EXPECT_NE(attempts.body.find("blocked: 10.0.0.2 is a private address"), std::string::npos)
      << attempts.body;
}

TEST_F(GatewaySim, ANameIsResolvedAndAnyBadAddressRefusesIt) {
  city_.config.delivery_retry_schedule.clear();
  city_.world.names().set("good.test", {IpAddress::v4(10, 0, 0, 2)});
  city_.world.names().set("mixed.test", {IpAddress::v4(10, 0, 0, 2), IpAddress::v4(127, 0, 0, 1)});
  begin(R"({"url":"http://good.test/hook","uid":"ep"})");
  ASSERT_EQ(city_.post("/api/v1/app/app/endpoint", R"({"url":"http://mixed.test/"})").status, 201);
  const Answer accepted = send("{}");
  ASSERT_TRUE(city_.run_until([&] { return receiver_.webhooks.size() == 1; }));
  city_.world.run_for(seconds{5});
  EXPECT_EQ(receiver_.webhooks.size(), 1u);
  const Answer attempts = city_.get("/api/v1/app/app/attempt/msg/" + accepted.text("id"));
  EXPECT_NE(attempts.body.find("127.0.0.1 is a loopback address"), std::string::npos);
}

TEST_F(GatewaySim, StopFinishesWhatIsInFlight) {
  begin();
  for (int i = 0; i < 50; ++i) ASSERT_EQ(send("{}").status, 202);
  ASSERT_TRUE(city_.stop());
  EXPECT_FALSE(receiver_.webhooks.empty());
}

TEST_F(GatewaySim, AnAttemptThatEndsDuringTheStopIsRecordedAndNotRepeated) {
  city_.config.store_engine = "segment";
  begin();
  receiver_.silent = true;
  const Answer accepted = send("{}");
  ASSERT_TRUE(city_.run_until([&] { return receiver_.webhooks.size() == 1; }));
  city_.begin_stop();
  city_.world.run_for(milliseconds{100});
  receiver_.answer_all();
  ASSERT_TRUE(city_.stop());
  receiver_.silent = false;
  ASSERT_TRUE(city_.start().ok());
  const Answer attempts = city_.get("/api/v1/app/app/attempt/msg/" + accepted.text("id"));
  EXPECT_NE(attempts.body.find(R"("responseStatusCode":200)"), std::string::npos) << attempts.body;
  city_.world.run_for(seconds{30});
  EXPECT_EQ(receiver_.webhooks.size(), 1u);
}

TEST_F(GatewaySim, AnAppendWhoseClientHasLeftIsKeptByAStop) {
  city_.config.store_engine = "segment";
  begin();
  city_.world.storage().set_timing({.sync = seconds{8}});
  EXPECT_EQ(
      city_.post("/api/v1/app/app/msg", R"({"eventType":"a","payload":{}})", seconds{1}).status, 0);
  city_.begin_stop();
  ASSERT_TRUE(city_.run_until([&] { return city_.gateway->stopped(); }));
  city_.world.storage().set_timing({});
  ASSERT_TRUE(city_.stop());
  ASSERT_TRUE(city_.start().ok());
  EXPECT_TRUE(city_.run_until([&] { return receiver_.webhooks.size() == 1; }));
}

TEST_F(GatewaySim, WhatIsHeldForTooLongExpiresAndIsNotSentLater) {
  for (const char* engine : {"memory", "segment"}) {
    SimCity city(5);
    Receiver receiver(*city.outside, kReceiver);
    city.config.store_engine = engine;
    city.config.store_hold_limit = seconds{100};
    city.config.delivery_retry_schedule = {seconds{400}};
    receiver.statuses = {500};
    ASSERT_TRUE(city.start().ok());
    ASSERT_EQ(city.post("/api/v1/app", R"({"name":"a","uid":"app"})").status, 201);
    ASSERT_EQ(
        city.post("/api/v1/app/app/endpoint", R"({"url":"http://10.0.0.2/","uid":"ep"})").status,
        201);
    const std::string event = R"({"eventType":"a","payload":{}})";
    ASSERT_EQ(city.post("/api/v1/app/app/msg", event).status, 202);
    ASSERT_TRUE(city.run_until([&] { return receiver.webhooks.size() == 1; }));
    EXPECT_FALSE(city.run_until([&] { return receiver.webhooks.size() > 1; }, seconds{600}));
    ASSERT_EQ(city.post("/api/v1/app/app/msg", event).status, 202);
    EXPECT_TRUE(city.run_until([&] { return receiver.webhooks.size() == 2; }));
  }
}

TEST_F(GatewaySim, APayloadWithATimeOfItsOwnIsExpungedOnceItIsDelivered) {
  city_.config.store_engine = "segment";
  city_.config.delivery_retry_schedule = {seconds{5400}};
  receiver_.statuses = {200, 500};
  begin();
  const std::string event = R"({"eventType":"a","payloadRetentionHours":1,"payload":{"x":"mine"}})";
  const Answer first = city_.post("/api/v1/app/app/msg", event);
  ASSERT_EQ(first.status, 202) << first.body;
  ASSERT_TRUE(city_.run_until([&] { return receiver_.webhooks.size() == 1; }));
  const Answer second = city_.post("/api/v1/app/app/msg", event);
  const auto read = [&](const Answer& of) {
    return city_.get("/api/v1/app/app/msg/" + of.text("id")).body;
  };
  city_.world.run_for(seconds{3500});
  EXPECT_NE(read(first).find("mine"), std::string::npos);
  city_.world.run_for(seconds{200});
  EXPECT_EQ(read(first).find("mine"), std::string::npos) << read(first);
  EXPECT_NE(read(second).find("mine"), std::string::npos) << "its delivery waits for a retry";
  ASSERT_TRUE(city_.run_until([&] { return receiver_.webhooks.size() == 3; }, seconds{7200}));
  EXPECT_EQ(receiver_.webhooks[2].body, R"({"x":"mine"})");
  city_.world.run_for(seconds{10});
  EXPECT_EQ(read(second).find("mine"), std::string::npos);
}

TEST_F(GatewaySim, AFullDiskRefusesEventsButNotTheirDeliveries) {
  city_.config.store_engine = "segment";
  city_.config.delivery_retry_schedule = {seconds{30}};
  receiver_.statuses = {500};
  begin();
  ASSERT_EQ(send("{}").status, 202);
  ASSERT_TRUE(city_.run_until([&] { return receiver_.webhooks.size() == 1; }));
  city_.world.run_for(seconds{3});  // the reserve is whole
  const auto space = city_.world.disk().space("/data");
  ASSERT_TRUE(space.ok());
  city_.world.storage().set_quota(space->total_bytes - space->free_bytes + (100u << 20));
  city_.world.run_for(seconds{3});
  EXPECT_EQ(send("{}").status, 507);
  EXPECT_TRUE(city_.run_until([&] { return receiver_.webhooks.size() == 2; }));
  city_.world.run_for(seconds{2});
  const Answer attempts = city_.get("/api/v1/app/app/attempt/msg/" + receiver_.webhooks[0].id);
  EXPECT_NE(attempts.body.find(R"("responseStatusCode":200)"), std::string::npos) << attempts.body;
  city_.world.storage().set_quota(uint64_t{1} << 40);
  city_.world.run_for(seconds{3});
  EXPECT_EQ(send("{}").status, 202);
  EXPECT_TRUE(city_.run_until([&] { return receiver_.webhooks.size() == 3; }));
}

// A disk that is full to the last byte: outcomes wait, nothing is sent, nothing is lost or sent
// twice.
class FullToTheLastByte : public GatewaySim {
 protected:
  // Ends with attempts in flight, of which no outcome can be recorded.
  void begin_full() {
    city_.config.store_engine = "segment";
    city_.store_limits.segment_bytes = 1u << 20;
    city_.store_limits.group_bytes_max = 256u << 10;
    city_.store_limits.low_space_bytes = 0;  // so that messages use up the log
    receiver_.silent = true;
    begin();
    ASSERT_EQ(city_.post("/api/v1/app", R"({"name":"b","uid":"other"})").status, 201);
    for (int i = 0; i < 20; ++i) ASSERT_EQ(send("{}").status, 202);
    ASSERT_TRUE(city_.run_until([&] { return !receiver_.webhooks.empty(); }));
    city_.world.run_for(seconds{3});
    in_flight_ = receiver_.webhooks.size();
    ASSERT_LT(in_flight_, 20u);
    const auto space = city_.world.disk().space("/data");
    ASSERT_TRUE(space.ok());
    city_.world.storage().set_quota(space->total_bytes - space->free_bytes);
    const std::string event =
        R"({"eventType":"a","payload":{"x":")" + std::string(200'000, 'x') + R"("}})";
    int status = 202;
    for (int i = 0; i < 100 && status == 202; ++i) {
      status = city_.post("/api/v1/app/other/msg", event).status;
    }
    ASSERT_EQ(status, 507);
    city_.world.run_for(seconds{1});
    receiver_.silent = false;
    receiver_.answer_all();
  }
  void give_space() { city_.world.storage().set_quota(uint64_t{1} << 40); }

  size_t in_flight_ = 0;
};

TEST_F(FullToTheLastByte, OutcomesWaitForSpaceAndDeliveryHalts) {
  ASSERT_NO_FATAL_FAILURE(begin_full());
  city_.world.run_for(seconds{20});
  EXPECT_EQ(receiver_.webhooks.size(), in_flight_) << "sent without space for the outcome";
  EXPECT_EQ(send("{}").status, 507);
  EXPECT_EQ(city_.get("/api/v1/health").status, 503);
  give_space();
  EXPECT_TRUE(city_.run_until([&] { return receiver_.webhooks.size() == 20; }));
  EXPECT_EQ(send("{}").status, 202);
  city_.world.run_for(seconds{30});
  EXPECT_EQ(receiver_.webhooks.size(), 21u);
}

TEST_F(FullToTheLastByte, AStopEndsInOrderAndWhatFoundNoSpaceIsMadeAgain) {
  ASSERT_NO_FATAL_FAILURE(begin_full());
  city_.world.run_for(seconds{1});
  city_.begin_stop();
  city_.world.run_for(seconds{40});  // the drain is given up after 30
  EXPECT_TRUE(city_.end()) << "a full disk is no failure";
  give_space();
  ASSERT_TRUE(city_.start().ok());
  EXPECT_TRUE(city_.run_until([&] { return receiver_.webhooks.size() == 20 + in_flight_; }));
  city_.world.run_for(seconds{30});
  EXPECT_EQ(receiver_.webhooks.size(), 20 + in_flight_);
}

TEST_F(GatewaySim, APowerCutLosesNothingAcknowledged) {
  city_.config.store_engine = "segment";
  begin();
  std::set<std::string> acknowledged;
  for (int round = 0; round < 6; ++round) {
    for (int i = 0; i < 10; ++i) {
      const Answer accepted = send("{}");
      ASSERT_EQ(accepted.status, 202) << accepted.body;
      acknowledged.insert(accepted.text("id"));
    }
    const io::sim::PowerCut how[] = {io::sim::PowerCut::kDrop, io::sim::PowerCut::kTear,
                                     io::sim::PowerCut::kKeep};
    city_.crash(how[round % 3]);
    ASSERT_TRUE(city_.start().ok());
  }
  const auto delivered = [&] {
    std::set<std::string> ids;
    for (const Webhook& webhook : receiver_.webhooks) ids.insert(webhook.id);
    return ids;
  };
  EXPECT_TRUE(city_.run_until([&] { return delivered() == acknowledged; }, seconds{60}));
}

TEST_F(GatewaySim, ABatchKeepsItsOrderAndSaysWhatWasRefused) {
  begin();
  const Answer answer = city_.post("/api/v1/app/app/msg/batch",
                                   R"([{"eventType":"a","payload":{"n":1}},{"payload":{}},)"
                                   R"({"eventType":"b","payload":{"n":2}}])");
  EXPECT_EQ(answer.status, 202) << answer.body;
  ASSERT_TRUE(city_.run_until([&] { return receiver_.webhooks.size() == 2; }));
  EXPECT_NE(answer.body.find(R"("index":1,"error")"), std::string::npos) << answer.body;
}

// After a crash as after a clean end: what is there is read, nothing is taken or sent.
TEST_F(GatewaySim, AReadOnlyDataDirectoryServesReads) {
  city_.config.store_engine = "segment";
  city_.config.delivery_retry_schedule = {seconds{1}};
  begin();
  receiver_.statuses = {500};
  const Answer accepted = send(R"({"x":"kept"})");
  ASSERT_EQ(accepted.status, 202);
  for (const bool crashed : {true, false}) {
    if (crashed)
      city_.crash(io::sim::PowerCut::kDrop);
    else
      ASSERT_TRUE(city_.stop());
    const size_t before = receiver_.webhooks.size();
    city_.world.storage().set_read_only(true);
    const Status started = city_.start();
    ASSERT_TRUE(started.ok()) << started.error().message;
    const Answer read = city_.get("/api/v1/app/app/msg/" + accepted.text("id"));
    EXPECT_EQ(read.status, 200) << read.body;
    EXPECT_NE(read.body.find("kept"), std::string::npos) << read.body;
    EXPECT_EQ(city_.get("/api/v1/app/app/endpoint/ep/secret").text("key"), secret_);
    const Answer refused = send("{}");
    EXPECT_EQ(refused.status, 503);
    EXPECT_NE(refused.body.find("only reads are served"), std::string::npos) << refused.body;
    EXPECT_EQ(city_.post("/api/v1/app", R"({"name":"b","uid":"b"})").status, 503);
    const Answer health = city_.get("/api/v1/health");
    EXPECT_EQ(health.status, 503);
    EXPECT_NE(health.body.find("only reads are served"), std::string::npos) << health.body;
    city_.world.run_for(seconds{30});
    EXPECT_EQ(receiver_.webhooks.size(), before);
    EXPECT_TRUE(city_.stop());
    city_.world.storage().set_read_only(false);
    ASSERT_TRUE(city_.start().ok());
  }
  EXPECT_TRUE(city_.run_until([&] { return receiver_.webhooks.size() == 2; }));
}

// One reader serves all lists: one that few messages fit gives it back, and says where to go on.
TEST_F(GatewaySim, AListThatFewFitHoldsTheReaderForAMoment) {
  city_.config.store_engine = "segment";
  begin();
  std::string batch = "[";
  for (int i = 0; i < 400; ++i) {
    batch += std::string(i == 0 ? "" : ",") + R"({"eventType":"a","payload":{}})";
  }
  ASSERT_EQ(city_.post("/api/v1/app/app/msg", R"({"eventType":"a","channels":["c"],"payload":{}})")
                .status,
            202);
  for (int round = 0; round < 5; ++round) {
    ASSERT_EQ(city_.post("/api/v1/app/app/msg/batch", batch + "]").status, 202);
  }
  ASSERT_TRUE(city_.run_until([&] { return receiver_.webhooks.size() == 2001; }));
  std::string iterator;
  int pages = 0;
  bool found = false;
  for (bool done = false; !done && pages < 100; ++pages) {
    const MonoTime asked = city_.world.clock().now();
    const Answer page = city_.get("/api/v1/app/app/msg?channel=c" + iterator);
    EXPECT_LT((city_.world.clock().now() - asked).count() / 1e6, 200) << "milliseconds";
    found |= page.body.find(R"("channels":["c"])") != std::string::npos;
    done = page.text("done") == "true";
    iterator = "&iterator=" + page.text("iterator");
  }
  EXPECT_GT(pages, 1);
  EXPECT_TRUE(found);
}

TEST(GatewaySimTrace, TheSameSeedGivesTheSameWebhooksAtTheSameTimes) {
  const auto trace = [](uint64_t seed) {
    SimCity city(seed);
    Receiver receiver(*city.outside, kReceiver);
    receiver.statuses = {500, 200, 500};
    EXPECT_TRUE(city.start().ok());
    city.post("/api/v1/app", R"({"name":"a","uid":"app"})");
    city.post("/api/v1/app/app/endpoint", R"({"url":"http://10.0.0.2/"})");
    for (int i = 0; i < 5; ++i) {
      city.post("/api/v1/app/app/msg", R"({"eventType":"a","payload":{}})");
    }
    city.run_until([&] { return receiver.webhooks.size() == 7; });
    std::string text;
    for (const Webhook& w : receiver.webhooks) text += std::to_string(w.at.ns) + w.id + w.signature;
    return text;
  };
  EXPECT_EQ(trace(7), trace(7));
  EXPECT_NE(trace(7), trace(8));
}

}  // namespace
}  // namespace posthorn::app::testing

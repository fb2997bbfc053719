// The parts that decide whether an event counts as acknowledged, delivered, lost or repeated.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "delivery_record.h"
#include "http_frame.h"
#include "id_set.h"
#include "load_request.h"
#include "load_results.h"
#include "load_schedule.h"
#include "stamp.h"

namespace posthorn::bench {
namespace {

constexpr uint32_t kRun = 0x1234abcd;

std::string stamped(uint64_t n, uint64_t intended_ns, uint32_t run = kRun) {
  std::string payload = make_payload(256, run);
  write_stamp(payload.data(), n, intended_ns);
  return payload;
}

TEST(Stamp, ReadsBackWhatWasWritten) {
  const std::string payload = stamped(77, 123'456'789'012);
  ASSERT_EQ(payload.size(), 256U);
  Stamp stamp;
  ASSERT_TRUE(read_stamp(payload, &stamp));
  EXPECT_EQ(stamp.run, kRun);
  EXPECT_EQ(stamp.n, 77U);
  EXPECT_EQ(stamp.intended_ns, 123'456'789'012U);
}

TEST(Stamp, RefusesAPayloadThatWasReserialised) {
  std::string payload = stamped(1, 2);
  payload.insert(7, " ");
  Stamp stamp;
  EXPECT_FALSE(read_stamp(payload, &stamp));
  EXPECT_FALSE(read_stamp("{}", &stamp));
}

TEST(IdSet, TellsFreshFromRepeated) {
  IdSet set;
  EXPECT_EQ(set.insert(3), IdSet::Insert::kFresh);
  EXPECT_EQ(set.insert(3), IdSet::Insert::kRepeated);
  EXPECT_EQ(set.insert(100'000), IdSet::Insert::kFresh);
  EXPECT_EQ(set.insert(IdSet::kIdsMax), IdSet::Insert::kOutOfRange);
  EXPECT_EQ(set.count(), 2U);
  EXPECT_EQ(set.bytes()[0], 0x08);
  EXPECT_EQ(static_cast<uint8_t>(set.bytes()[12500]), 0x01);
}

TEST(DeliveryRecord, CountsDuplicatesPerEndpointAndForeignRunsApart) {
  DeliveryRecord record;
  record.reset(kRun, 2);
  record.record(stamped(0, 1000), 0, 3000);
  record.record(stamped(0, 1000), 1, 4000);
  record.record(stamped(0, 1000), 1, 5000);
  record.record(stamped(0, 1000, 99), 0, 5000);
  record.record(stamped(0, 1000), 2, 5000);
  record.record("{\"other\":1}", 0, 5000);
  const std::string json = record.json();
  EXPECT_NE(
      json.find("\"requests\":6,\"unique\":2,\"duplicates\":1,\"foreign\":1,\"unreadable\":2"),
      std::string::npos)
      << json;
  EXPECT_EQ(record.delivered(1)[0], 0x01);
  EXPECT_TRUE(record.delivered(2).empty());
  record.reset(kRun, 1);
  EXPECT_TRUE(record.delivered(0).empty());
}

TEST(LoadBody, IsTheShapeTheGatewayTakes) {
  LoadOptions options;
  options.payload_bytes = 100;
  options.run = kRun;
  LoadBody single(options);
  single.stamp(5, 6);
  std::string payload = make_payload(100, kRun);
  write_stamp(payload.data(), 5, 6);
  std::string expected = "{\"eventType\":\"bench.event\",\"payload\":";
  expected.append(payload).append("}");
  EXPECT_EQ(single.bytes(), expected);
  options.batch_events = 3;
  options.apps = {"app_1", "app_2"};
  options.token = "secret";
  LoadBody batch(options);
  EXPECT_EQ(batch.bytes().front(), '[');
  EXPECT_EQ(batch.bytes().back(), ']');
  const auto heads = make_heads(options);
  ASSERT_EQ(heads.size(), 2U);
  EXPECT_TRUE(heads[1].starts_with("POST /api/v1/app/app_2/msg/batch HTTP/1.1\r\n"));
  EXPECT_NE(heads[1].find("\r\nAuthorization: Bearer secret\r\n"), std::string::npos);
  EXPECT_TRUE(heads[1].ends_with(fmt::format("Content-Length: {}\r\n\r\n", batch.bytes().size())));
}

TEST(LoadSchedule, DoesNotMoveWithTheServer) {
  LoadOptions options;
  options.rate_per_s = 4000;
  options.duration_s = 2;
  LoadSchedule schedule(options, 1000);
  EXPECT_EQ(schedule.requests(), 8000U);
  EXPECT_EQ(schedule.intended_ns(0), 1000U);
  EXPECT_EQ(schedule.intended_ns(7999), 1000U + 7999U * 250'000U);
  options.batch_events = 100;
  options.count_events = 250;
  EXPECT_EQ(LoadSchedule(options, 0).requests(), 3U);
  EXPECT_EQ(LoadSchedule(options, 0).intended_ns(1), 25'000'000U);
}

TEST(LoadResults, MeasuresFromTheIntendedTime) {
  LoadResults results;
  const LoadRequest request{0, 1, 1'000'000};
  results.sent(request, 9'000'000);  // the generator was late
  EXPECT_EQ(results.answered(request, 202, "{\"id\":\"msg_x\"}", 10'000'000), 1U);
  EXPECT_NE(results.json().find("\"accept\":{\"count\":1,\"mean_us\":9000.0"), std::string::npos)
      << results.json();
}

TEST(LoadResults, CountsWhatNeverGotAnAnswerWithItsLatencySoFar) {
  LoadResults results;
  results.unanswered({0, 1, 0}, 50'000'000);
  results.unsent({1, 1, 10'000'000}, 50'000'000);
  const std::string json = results.json();
  EXPECT_NE(json.find("\"unanswered\":1,\"unsent\":1"), std::string::npos) << json;
  EXPECT_NE(json.find("\"accept\":{\"count\":2,\"mean_us\":45000.0"), std::string::npos) << json;
  EXPECT_EQ(results.acked().count(), 0U);
}

TEST(LoadResults, RefusedIsNotAcknowledged) {
  LoadResults results;
  EXPECT_EQ(results.answered({0, 1, 0}, 429, "", 1), 0U);
  EXPECT_EQ(results.answered({1, 1, 0}, 202, "", 1), 1U);
  EXPECT_EQ(results.acked().bytes()[0], 0x02);
  EXPECT_NE(results.json().find("\"statuses\":{\"202\":1,\"429\":1}"), std::string::npos);
}

TEST(LoadResults, TakesABatchApartByIndex) {
  LoadResults results;
  const std::string_view body =
      R"({"results":[{"index":0,"id":"msg_a"},{"index":1,"error":{"code":"x"}},)"
      R"({"index": 2, "id": "msg_c"}]})";
  EXPECT_EQ(results.answered({8, 3, 0}, 202, body, 1), 2U);
  EXPECT_EQ(results.acked().bytes()[1], 0x05);
  EXPECT_NE(results.json().find("\"malformed\":0"), std::string::npos);
}

TEST(LoadResults, ABatchAnswerWithoutResultsAcknowledgesNothing) {
  LoadResults results;
  EXPECT_EQ(results.answered({0, 3, 0}, 202, "{}", 1), 0U);
  EXPECT_NE(results.json().find("\"malformed\":1"), std::string::npos);
}

TEST(HttpFrame, WaitsForTheWholeBody) {
  const std::string_view whole = "HTTP/1.1 202 Accepted\r\ncontent-LENGTH: 5\r\n\r\nhello";
  HttpFrame frame;
  for (size_t cut = 0; cut < whole.size(); ++cut) {
    EXPECT_EQ(frame_message(whole.substr(0, cut), &frame), FrameState::kIncomplete) << cut;
  }
  std::string and_more(whole);
  and_more.append("HTTP");
  ASSERT_EQ(frame_message(and_more, &frame), FrameState::kComplete);
  EXPECT_EQ(frame.bytes(), whole.size());
  ASSERT_EQ(frame_message(whole, &frame), FrameState::kComplete);
  EXPECT_EQ(frame.body, "hello");
  EXPECT_EQ(status_of(frame.head), 202);
}

TEST(HttpFrame, SaysWhatItCannotFrame) {
  HttpFrame frame;
  EXPECT_EQ(frame_message("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", &frame),
            FrameState::kBroken);
  EXPECT_EQ(frame_message("POST / HTTP/1.1\r\nContent-Length: 1x\r\n\r\n", &frame),
            FrameState::kBroken);
  EXPECT_EQ(target_of("POST /hook/3 HTTP/1.1\r\n"), "/hook/3");
}

}  // namespace
}  // namespace posthorn::bench

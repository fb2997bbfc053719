// What a message body may say, what is refused, and that payload bytes are never touched.
#include "ingest/message_body.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "wire/json_writer.h"

namespace posthorn::ingest {
namespace {

constexpr WallTime kNow{1'800'000'000'000'000};  // 2027-01-15T08:00:00Z

ReadMessage read(const std::string& body, MessageLimits limits = {}) {
  MessageReader reader(limits);
  const auto json = wire::parse_json(body);
  EXPECT_TRUE(json.ok()) << body;
  return reader.read(*json, kNow, {"body"});
}

// "loc.loc: msg" of every issue.
std::string issues_of(const ReadMessage& read) {
  std::string out;
  for (const auto& issue : read.refusal.issues) {
    for (const std::string& part : issue.loc) out += (&part == &issue.loc[0] ? "" : ".") + part;
    out += ": " + issue.msg + "\n";
  }
  return out;
}

TEST(MessageBody, KeepsThePayloadAsGiven) {
  const std::string payload = "{ \"a\":1.0e1 ,\n\t\"a\": \"\\u00e9\\/\", \"b\":[ ] }";
  for (const std::string name : {"payload", "data"}) {
    const ReadMessage message =
        read("{\"" + name + "\" : " + payload + " ,\"eventType\":\"user.created\"}");
    ASSERT_NE(message.message, nullptr) << issues_of(message);
    EXPECT_EQ(message.message->payload, payload);
    EXPECT_EQ(message.message->event_type, "user.created");
    EXPECT_EQ(message.message->content_type, "application/json");
    EXPECT_TRUE(message.payload_is_object);
  }
}

TEST(MessageBody, ReadsEveryField) {
  const ReadMessage message =
      read(R"({"eventType":"a.b","eventId":"e-1","channels":["x:1","y","x:1"],"tags":["t/1"],)"
           R"("deliverAt":"2027-01-15T09:00:00Z","payloadRetentionPeriod":5,"orderingKey":"k",)"
           R"("application":{"name":"n"},"unknown":1,)"
           R"("transformationsParams":{"headers":{"X-One":"1","Content-Type":"text/plain"}},)"
           R"("payload":{}})");
  ASSERT_NE(message.message, nullptr) << issues_of(message);
  const model::Message& m = *message.message;
  EXPECT_EQ(m.event_id, "e-1");
  EXPECT_EQ(m.channels, (std::vector<std::string>{"x:1", "y"}));
  EXPECT_EQ(m.tags, std::vector<std::string>{"t/1"});
  EXPECT_EQ(m.deliver_at, kNow + seconds{3600});
  EXPECT_EQ(m.payload_retention_hours, 5u * 24);
  EXPECT_EQ(m.ordering_key, "k");
  EXPECT_EQ(m.content_type, "text/plain");
  EXPECT_EQ(m.headers, (std::vector<model::Header>{{"X-One", "1"}}));
}

TEST(MessageBody, ReadsNullAsAbsent) {
  const ReadMessage message = read(
      R"({"eventType":"a","payload":{},"eventId":null,"channels":null,"tags":null,)"
      R"("deliverAt":null,"payloadRetentionPeriod":null,"payloadRetentionHours":null,)"
      R"("transformationsParams":null,"application":null,"orderingKey":null,"endpointIds":null})");
  ASSERT_NE(message.message, nullptr) << issues_of(message);
  EXPECT_EQ(message.message->deliver_at, WallTime{});
}

TEST(MessageBody, TakesRawPayloadsByteForByte) {
  const ReadMessage message = read(
      R"({"eventType":"a","payload":{"ignored":1},"transformationsParams":)"
      R"({"rawPayload":"<a>\u00e9\n\u0000</a>","headers":{"content-type":"application/xml"}}})");
  ASSERT_NE(message.message, nullptr) << issues_of(message);
  EXPECT_EQ(message.message->payload, std::string("<a>\xc3\xa9\n\0</a>", 11));
  EXPECT_EQ(message.message->content_type, "application/xml");
  EXPECT_FALSE(message.payload_is_object);
  const ReadMessage first =
      read(R"({"transformationsParams":{"rawPayload":"x"},"payload":{"big":1},"eventType":"a"})");
  ASSERT_NE(first.message, nullptr);
  EXPECT_EQ(first.message->payload, "x");
}

TEST(MessageBody, DeliversAtOnceWhenTheTimeHasPassed) {
  const ReadMessage message =
      read(R"({"eventType":"a","payload":{},"deliverAt":"2027-01-15T08:00:00Z"})");
  ASSERT_NE(message.message, nullptr);
  EXPECT_EQ(message.message->deliver_at, WallTime{});
}

TEST(MessageBody, NamesWhatIsWrong) {
  const struct {
    std::string_view members;
    std::string_view issue;  // a part of it
  } cases[] = {
      {R"("payload":{})", "body.eventType: is missing"},
      {R"("eventType":null,"payload":{})", "body.eventType: must be a string"},
      {R"("eventType":"a b","payload":{})", "body.eventType: only letters"},
      {R"("eventType":"","payload":{})", "body.eventType: is empty"},
      {R"("eventType":"\ud800","payload":{})", "body.eventType: has half of a surrogate"},
      {R"("eventType":"a")", "body.payload: is missing"},
      {R"("eventType":"a","payload":[])", "body.payload: must be a JSON object"},
      {R"("eventType":"a","payload":null)", "body.payload: must be a JSON object"},
      {R"("eventType":"a","data":"{}")", "body.data: must be a JSON object"},
      {R"("eventType":"a","payload":{},"data":{})", "body.data: is given as"},
      {R"("eventType":"a","payload":{},"eventType":"b")", "body: "},
      {R"("eventType":"a","payload":{},"eventId":"a b")", "body.eventId: must have"},
      {R"("eventType":"a","payload":{},"eventId":"")", "body.eventId: must have"},
      {R"("eventType":"a","payload":{},"channels":[])", "body.channels: is empty"},
      {R"("eventType":"a","payload":{},"channels":"x")", "body.channels: must be an array"},
      {R"("eventType":"a","payload":{},"channels":[1])", "body.channels: must be a string"},
      {R"("eventType":"a","payload":{},"channels":["a b"])", "body.channels: only letters"},
      {R"("eventType":"a","payload":{},"tags":["a","b","c","d","e","f"])", "body.tags: has more"},
      {R"("eventType":"a","payload":{},"tags":["a:b"])", "body.tags: a tag has"},
      {R"("eventType":"a","payload":{},"deliverAt":"soon")", "body.deliverAt: must be a time"},
      {R"("eventType":"a","payload":{},"deliverAt":"2027-01-16T08:00:01Z")",
       "body.deliverAt: may be at most 24 hours ahead"},
      {R"("eventType":"a","payload":{},"payloadRetentionPeriod":91)",
       "a whole number from 1 to 90"},
      {R"("eventType":"a","payload":{},"payloadRetentionPeriod":1.5)",
       "a whole number from 1 to 9"},
      {R"("eventType":"a","payload":{},"payloadRetentionHours":0)", "number from 1 to 2160"},
      {R"("eventType":"a","payload":{},"payloadRetentionPeriod":5,"payloadRetentionHours":5)",
       "not both"},
      {R"("eventType":"a","payload":{},"endpointIds":["ep_1"])", "body.endpointIds: is not supp"},
      {R"("eventType":"a","payload":{},"application":"x")", "body.application: must be an object"},
      {R"("eventType":"a","payload":{},"orderingKey":"")", "body.orderingKey: must have"},
      {R"("eventType":"a","payload":{},"transformationsParams":[])",
       "body.transformationsParams: "},
      {R"("eventType":"a","payload":{},"transformationsParams":{"x":1})",
       "body.transformationsParams.x: is not known"},
      {R"("eventType":"a","payload":{},"transformationsParams":{"rawPayload":1})",
       "body.transformationsParams.rawPayload: must be a string"},
      {R"("eventType":"a","payload":{},"transformationsParams":{"headers":{"Host":"x"}})",
       "body.transformationsParams.headers: 'host' is set"},
      {R"("eventType":"a","payload":{},"transformationsParams":{"headers":{"webhook-id":"x"}})",
       "body.transformationsParams.headers: 'webhook-id' is set"},
      {R"("eventType":"a","payload":{},"transformationsParams":{"headers":{"x":"a\nb"}})",
       "body.transformationsParams.headers: the value"},
      {R"("eventType":"a","payload":{},"transformationsParams":{"headers":{"x":"1","X":"2"}})",
       "body.transformationsParams.headers: 'x' is given twice"},
      {R"("eventType":"a","payload":{},"transformationsParams":{"headers":{"Content-Type":""}})",
       "'content-type' must have"},
  };
  for (const auto& c : cases) {
    const ReadMessage message = read("{" + std::string(c.members) + "}");
    EXPECT_EQ(message.message, nullptr) << c.members;
    EXPECT_EQ(message.refusal.error.code, Errc::kInvalid) << c.members;
    EXPECT_THAT(issues_of(message), testing::HasSubstr(std::string(c.issue))) << c.members;
  }
  EXPECT_EQ(read("[]").message, nullptr);
  EXPECT_EQ(read("\"text\"").message, nullptr);
}

TEST(MessageBody, SaysOnceWhatIsWrongWithAPayload) {
  for (const std::string_view wrong : {R"("payload":1)", R"("data":"{}")", R"("payload":null)"}) {
    const ReadMessage message = read(R"({"eventType":"a",)" + std::string(wrong) + "}");
    EXPECT_EQ(message.refusal.issues.size(), 1u) << wrong << ": " << issues_of(message);
  }
  EXPECT_EQ(read("{}").refusal.issues.size(), 2u);
}

TEST(MessageBody, BoundsThePayload) {
  MessageLimits limits;
  limits.payload_bytes_max = 10;
  EXPECT_NE(read(R"({"eventType":"a","payload":{"a":1234}})", limits).message, nullptr);
  const ReadMessage over = read(R"({"eventType":"a","payload":{"a":12345}})", limits);
  EXPECT_EQ(over.message, nullptr);
  EXPECT_EQ(over.refusal.error.code, Errc::kTooLarge);
  EXPECT_EQ(read(R"({"eventType":"a","payload":{},"transformationsParams":)"
                 R"({"rawPayload":"12345678901"}})",
                 limits)
                .refusal.error.code,
            Errc::kTooLarge);
}

TEST(MessageBody, ForgetsTheMessageBefore) {
  MessageReader reader{MessageLimits{}};
  const std::string wrong = R"({"eventType":1,"channels":[],"transformationsParams":{"x":1}})";
  const std::string good = R"({"eventType":"a","payload":{}})";
  EXPECT_EQ(reader.read(*wire::parse_json(wrong), kNow, {"body"}).message, nullptr);
  const ReadMessage message = reader.read(*wire::parse_json(good), kNow, {"body"});
  EXPECT_NE(message.message, nullptr) << issues_of(message);
  EXPECT_TRUE(message.refusal.issues.empty());
}

// Text of every kind survives as a raw payload, and as a string inside an object.
RC_GTEST_PROP(MessageBody, PayloadBytesSurvive, (const std::string& bytes)) {
  std::string json_text;
  wire::append_json_string(json_text, bytes);
  const std::string object = "{\"k\":" + json_text + "}";
  const ReadMessage kept = read("{\"eventType\":\"a\",\"payload\":" + object + "}");
  RC_ASSERT(kept.message != nullptr);
  RC_ASSERT(kept.message->payload == object);
  const ReadMessage raw =
      read("{\"eventType\":\"a\",\"transformationsParams\":{\"rawPayload\":" + json_text + "}}");
  RC_ASSERT(raw.message != nullptr);
  std::string again;
  wire::append_json_string(again, raw.message->payload);
  RC_ASSERT(again == json_text);
}

}  // namespace
}  // namespace posthorn::ingest

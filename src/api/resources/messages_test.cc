// Reading messages and attempts: payload bytes, filters, pages, statuses, and whose they are.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api/page.h"
#include "api/testing/rig.h"
#include "model/identity.h"
#include "wire/json.h"

namespace posthorn::api {
namespace {

using testing::Answer;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::member;
using testing::Rig;
using wire::HttpMethod;

class MessagesTest : public ::testing::Test {
 protected:
  MessagesTest() {
    app_text_ = rig_.make_app(R"({"name":"a","uid":"acme"})");
    app_ = *AppId::parse(app_text_);
    endpoint_text_ = rig_.make_endpoint(app_text_, R"({"url":"https://a.example/","uid":"ep-1"})");
    endpoint_ = *EndpointId::parse(endpoint_text_);
  }

  model::Message message(std::string event_type = "a.b", std::string payload = "{}") const {
    model::Message m;
    m.app = app_;
    m.event_type = std::move(event_type);
    m.payload = std::move(payload);
    m.targets = std::make_shared<const model::TargetSet>(std::vector<EndpointId>{endpoint_});
    return m;
  }
  model::Attempt attempt(const store::MessageRef& m, model::OutcomeKind kind, int16_t status) {
    model::Attempt a;
    a.app = app_;
    a.endpoint = endpoint_;
    a.message = m->id;
    a.message_seq = m->seq;
    a.url = "https://a.example/";
    a.outcome.kind = kind;
    a.outcome.status = status;
    a.outcome.response = "said \"" + std::to_string(status) + "\"";
    a.outcome.timings.total_us = 12'900;
    a.state_after = kind == model::OutcomeKind::kDelivered ? model::DeliveryState::kDelivered
                                                           : model::DeliveryState::kPending;
    return a;
  }

  // The values of one member of every entry of a page.
  static std::vector<std::string> column(const std::string& page, std::string_view name) {
    std::vector<std::string> out;
    const auto value = wire::parse_json(page);
    wire::JsonObject object;
    if (!value.ok() || !object.assign(*value).ok() || object.find("data") == nullptr) return out;
    wire::JsonElements entries(*object.find("data"));
    while (const auto entry = entries.next()) {
      wire::JsonObject fields;
      EXPECT_TRUE(fields.assign(*entry).ok());
      const auto* const field = fields.find(name);
      std::string scratch;
      if (field == nullptr) continue;
      out.emplace_back(field->text(scratch).value_or(field->raw()));
    }
    return out;
  }
  std::string path(const std::string& rest) const { return "/api/v1/app/acme" + rest; }

  Rig rig_;
  std::string app_text_, endpoint_text_;
  AppId app_;
  EndpointId endpoint_;
};

TEST_F(MessagesTest, ReadBackByteForByte) {
  model::Message given = message("a.b", "{ \"n\" : 1.0 }");
  given.event_id = "event-1";
  given.event_id_key = model::event_id_key_of(app_, "event-1");
  given.channels = {"c1"};
  given.tags = {"t1", "t2"};
  const auto stored = rig_.append(given);
  const Answer read = rig_.get(path("/msg/" + stored->id.text()));
  EXPECT_EQ(read.status, 200);
  EXPECT_THAT(read.body, HasSubstr("\"payload\":{ \"n\" : 1.0 },\"channels\":[\"c1\"],"
                                   "\"tags\":[\"t1\",\"t2\"],"));
  EXPECT_EQ(rig_.get(path("/msg/event-1")).body, read.body);
  EXPECT_THAT(rig_.get(path("/msg/event-1?with_content=false")).body, HasSubstr("\"payload\":{},"));
  EXPECT_EQ(rig_.get(path("/msg/event-2")).status, 404);
  EXPECT_EQ(rig_.get(path("/msg/msg_000000000000000000000000001")).status, 404);
}

TEST_F(MessagesTest, ShowOtherContentBesideAnEmptyObject) {
  model::Message text = message("a", "plain");
  text.content_type = "text/plain";
  const auto stored = rig_.append(text);
  EXPECT_THAT(rig_.get(path("/msg/" + stored->id.text())).body,
              HasSubstr(R"("payload":{},"payloadText":"plain","contentType":"text/plain",)"));
  const auto binary = rig_.append(message("a", "\xff\xfe"));
  EXPECT_THAT(rig_.get(path("/msg/" + binary->id.text())).body,
              HasSubstr(R"("payload":{},"payloadBase64":"//4=",)"));
  const auto array = rig_.append(message("a", "[1]"));
  EXPECT_THAT(rig_.get(path("/msg/" + array->id.text())).body,
              HasSubstr(R"("payload":{},"payloadText":"[1]",)"));
}

TEST_F(MessagesTest, AreListedByFilters) {
  std::vector<std::string> ids;
  for (int i = 0; i < 6; ++i) {
    model::Message m = message(i % 2 == 0 ? "even" : "odd", fmt::format("{{\"i\":{}}}", i));
    if (i == 4) m.channels = {"c"};
    if (i == 5) m.tags = {"t"};
    ids.push_back(rig_.append(m)->id.text());
  }
  const auto listed = [&](const std::string& query) {
    const Answer page = rig_.get(path("/msg?" + query));
    EXPECT_EQ(page.status, 200) << query << page.body;
    return column(page.body, "id");
  };
  EXPECT_EQ(listed(""), std::vector<std::string>(ids.rbegin(), ids.rend()));
  EXPECT_THAT(listed("event_types=odd"), ElementsAre(ids[5], ids[3], ids[1]));
  EXPECT_THAT(listed("event_types[]=odd&event_types=even,x&limit=2"), ElementsAre(ids[5], ids[4]));
  EXPECT_THAT(listed("channel=c"), ElementsAre(ids[4]));
  EXPECT_THAT(listed("tag=t"), ElementsAre(ids[5]));
  EXPECT_THAT(listed("iterator=" + ids[2]), ElementsAre(ids[1], ids[0]));
  EXPECT_THAT(listed("iterator=-" + ids[2] + "&limit=2"), ElementsAre(ids[4], ids[3]));
  const std::string time = member(rig_.get(path("/msg/" + ids[3])).body, "timestamp");
  EXPECT_THAT(listed("after=" + time), ElementsAre(ids[5], ids[4]));
  EXPECT_THAT(listed("before=" + time), ElementsAre(ids[2], ids[1], ids[0]));
  EXPECT_THAT(column(rig_.get(path("/msg?with_content=false&limit=1")).body, "payload"),
              ElementsAre("{}"));
  EXPECT_THAT(column(rig_.get(path("/msg?limit=1")).body, "payload"), ElementsAre("{\"i\":5}"));
  for (const std::string query :
       {"before=x", "after=2026", "limit=1000", "with_content=1", "iterator=ep_1"}) {
    EXPECT_EQ(rig_.get(path("/msg?" + query)).status, 422) << query;
  }
}

TEST_F(MessagesTest, PagesOfLargePayloadsEndEarly) {
  std::vector<std::string> ids;
  const std::string payload = "{\"t\":\"" + std::string(1 << 20, 'x') + "\"}";
  for (int i = 0; i < 20; ++i)
    ids.insert(ids.begin(), rig_.append(message("a", payload))->id.text());
  std::vector<std::string> seen;
  std::string iterator;
  int pages = 0;
  for (; pages < 10; ++pages) {
    const Answer page =
        rig_.get(path("/msg?limit=100" + (iterator.empty() ? "" : "&iterator=" + iterator)));
    EXPECT_LT(page.body.size(), kPageBytesMax + 2 * payload.size());
    for (const std::string& id : column(page.body, "id")) seen.push_back(id);
    iterator = member(page.body, "iterator");
    if (page.body.ends_with("\"done\":true}")) break;
  }
  EXPECT_EQ(seen, ids);
  EXPECT_GE(pages, 2);
  EXPECT_EQ(column(rig_.get(path("/msg?limit=100&with_content=false")).body, "id").size(), 20u);
}

TEST_F(MessagesTest, StayInTheirApplication) {
  const auto stored = rig_.append(message());
  const auto tried = rig_.append(attempt(stored, model::OutcomeKind::kDelivered, 200));
  const std::string other = rig_.make_app();
  const std::string other_endpoint = rig_.make_endpoint(other, R"({"url":"https://a.example/"})");
  const std::string id = stored->id.text();
  const std::string base = "/api/v1/app/" + other;
  for (const std::string& target :
       {base + "/msg/" + id, base + "/attempt/msg/" + id, base + "/attempt/endpoint/ep-1",
        base + "/attempt/endpoint/" + endpoint_text_, base + "/endpoint/ep-1/secret",
        base + "/msg/" + id + "/attempt/" + tried.text()}) {
    EXPECT_EQ(rig_.get(target).status, 404) << target;
  }
  EXPECT_THAT(rig_.get(base + "/msg").body, HasSubstr("\"data\":[]"));
  const Answer as_other = rig_.ask({HttpMethod::kGet, path("/msg/" + id), "", other});
  EXPECT_EQ(as_other.status, 404);
  EXPECT_EQ(rig_.ask({HttpMethod::kGet, path("/msg/" + id), "", app_text_}).status, 200);
}

TEST_F(MessagesTest, ShowTheirAttempts) {
  const auto first = rig_.append(message("one"));
  const auto second = rig_.append(message("two"));
  using model::OutcomeKind;
  std::vector<std::string> ids;
  ids.push_back(rig_.append(attempt(first, OutcomeKind::kHttpError, 500)).text());
  ids.push_back(rig_.append(attempt(second, OutcomeKind::kDelivered, 204)).text());
  ids.push_back(rig_.append(attempt(first, OutcomeKind::kTimedOut, 0)).text());
  ids.push_back(rig_.append(attempt(first, OutcomeKind::kDelivered, 200)).text());

  const Answer one = rig_.get(path("/msg/" + first->id.text() + "/attempt/" + ids[0]));
  EXPECT_EQ(one.status, 200);
  EXPECT_THAT(one.body, HasSubstr(R"("id":")" + ids[0] + R"(","msgId":")" + first->id.text() +
                                  R"(","endpointId":")" + endpoint_text_ +
                                  R"(","url":"https://a.example/","response":"said \"500\"",)"
                                  R"("responseStatusCode":500,"responseDurationMs":12,"status":2,)"
                                  R"("statusText":"fail","triggerType":0,"timestamp":")"));
  EXPECT_EQ(rig_.get(path("/msg/" + second->id.text() + "/attempt/" + ids[0])).status, 404);
  EXPECT_EQ(rig_.get(path("/msg/" + first->id.text() + "/attempt/atmpt_x")).status, 404);

  const auto listed = [&](const std::string& rest) {
    const Answer page = rig_.get(path("/attempt/" + rest));
    EXPECT_EQ(page.status, 200) << rest << page.body;
    return column(page.body, "id");
  };
  const std::string by_message = "msg/" + first->id.text();
  EXPECT_THAT(listed(by_message), ElementsAre(ids[3], ids[2], ids[0]));
  EXPECT_THAT(listed(by_message + "?endpoint_id=ep-1&status=2"), ElementsAre(ids[2], ids[0]));
  EXPECT_EQ(rig_.get(path("/attempt/" + by_message + "?endpoint_id=ep-2")).status, 404);
  EXPECT_THAT(listed("endpoint/ep-1"), ElementsAre(ids[3], ids[2], ids[1], ids[0]));
  EXPECT_THAT(listed("endpoint/ep-1?status=0"), ElementsAre(ids[3], ids[1]));
  EXPECT_THAT(listed("endpoint/ep-1?status=1"), ElementsAre());
  EXPECT_THAT(listed("endpoint/ep-1?status=3&expanded_statuses=true"), ElementsAre());
  EXPECT_THAT(listed("endpoint/ep-1?status_code_class=500"), ElementsAre(ids[0]));
  EXPECT_THAT(listed("endpoint/ep-1?status_code_class=0"), ElementsAre(ids[2]));
  EXPECT_THAT(listed("endpoint/ep-1?event_types=two"), ElementsAre(ids[1]));
  EXPECT_THAT(listed("endpoint/ep-1?limit=2&status=2"), ElementsAre(ids[2], ids[0]));
  EXPECT_THAT(listed("endpoint/ep-1?limit=1&iterator=" + ids[3]), ElementsAre(ids[2]));
  EXPECT_THAT(listed("endpoint/ep-1?limit=1&iterator=-" + ids[0]), ElementsAre(ids[1]));
  EXPECT_THAT(column(rig_.get(path("/attempt/endpoint/ep-1?with_content=false")).body, "response"),
              ElementsAre("", "", "", ""));
  EXPECT_THAT(rig_.get(path("/attempt/endpoint/ep-1?with_msg=true&limit=1")).body,
              HasSubstr(R"("msg":{"id":")" + first->id.text()));
  for (const std::string query : {"status=5", "status_code_class=250", "with_msg=1", "limit=0"}) {
    EXPECT_EQ(rig_.get(path("/attempt/endpoint/ep-1?" + query)).status, 422) << query;
  }
}

TEST_F(MessagesTest, AListLooksThroughManyForTheFewThatFit) {
  std::vector<std::string> ids;
  for (int i = 0; i < 1300; ++i) {
    model::Message m = message("many", "{}");
    if (i % 500 == 10) m.channels = {"c"};
    const std::string id = rig_.append(m)->id.text();
    if (i % 500 == 10) ids.insert(ids.begin(), id);
  }
  const Answer page = rig_.get(path("/msg?channel=c"));
  EXPECT_EQ(column(page.body, "id"), ids);
  EXPECT_THAT(page.body, HasSubstr(R"("done":true)"));
}

TEST_F(MessagesTest, ShowCancelledAttemptsAsTheClientKnowsThem) {
  const auto stored = rig_.append(message());
  const auto id = rig_.append(attempt(stored, model::OutcomeKind::kCancelled, 0));
  const std::string one = path("/msg/" + stored->id.text() + "/attempt/" + id.text());
  EXPECT_THAT(rig_.get(one).body, HasSubstr(R"("status":2,"statusText":"fail")"));
  EXPECT_THAT(rig_.get(one + "?expanded_statuses=true").body,
              HasSubstr(R"("status":4,"statusText":"canceled")"));
  const std::string list = path("/attempt/endpoint/ep-1?status=");
  EXPECT_THAT(column(rig_.get(list + "2").body, "status"), ElementsAre("2"));
  EXPECT_THAT(column(rig_.get(list + "4").body, "status"), ElementsAre());
  EXPECT_THAT(column(rig_.get(list + "4&expanded_statuses=true").body, "status"), ElementsAre("4"));
}

TEST_F(MessagesTest, PagesOfFilteredAttemptsMissNone) {
  const auto stored = rig_.append(message());
  std::vector<std::string> failed;
  for (int i = 0; i < 40; ++i) {
    const bool fails = i % 7 == 0;
    const auto id = rig_.append(
        attempt(stored, fails ? model::OutcomeKind::kHttpError : model::OutcomeKind::kDelivered,
                fails ? 500 : 200));
    if (fails) failed.insert(failed.begin(), id.text());
  }
  std::vector<std::string> seen;
  std::string iterator;
  for (int round = 0; round < 20; ++round) {
    const Answer page = rig_.get(path("/attempt/endpoint/ep-1?limit=2&status=2" +
                                      (iterator.empty() ? "" : "&iterator=" + iterator)));
    for (const std::string& id : column(page.body, "id")) seen.push_back(id);
    iterator = member(page.body, "iterator");
    if (page.body.find("\"done\":true") != std::string::npos) break;
  }
  EXPECT_EQ(seen, failed);
}

TEST_F(MessagesTest, WaitForAFreeReader) {
  rig_.append(message());
  // A reader that takes nothing more.
  class Full : public io::Worker {
    bool post(Task) override { return false; }
  } full;
  Context context(ApiDeps{
      *rig_.loop, *rig_.catalog, *rig_.store, full, rig_.auth, [] { return nullptr; }, {}, ""});
  struct Answers : http::Responder::Target {
    void respond(uint64_t, http::Response response) override { status = response.status; }
    int status = 0;
  };
  auto answers = std::make_shared<Answers>();
  context.on_reader(http::Responder(answers, 0), [] { return http::Response{}; });
  EXPECT_EQ(answers->status, 429);
}

TEST(Health, TellsWhetherMessagesAreTaken) {
  Rig rig;
  const Answer ping = rig.ask({HttpMethod::kGet, "/api/v1/health/ping", "", ""});
  EXPECT_EQ(ping.status, 204);
  EXPECT_EQ(ping.body, "");
  const Answer good = rig.ask({HttpMethod::kGet, "/api/v1/health", "", ""});
  EXPECT_EQ(good.status, 200);
  EXPECT_THAT(good.body, HasSubstr(R"("status":"ok")"));
  EXPECT_THAT(good.body, HasSubstr(R"("damagedSegments":0)"));
  rig.accepting = error(Errc::kUnavailable, "draining");
  const Answer bad = rig.ask({HttpMethod::kGet, "/api/v1/health", "", ""});
  EXPECT_EQ(bad.status, 503);
  EXPECT_THAT(bad.body, HasSubstr(R"("status":"not_accepting","reason":"unavailable")"));
  EXPECT_EQ(rig.ask({HttpMethod::kHead, "/api/v1/health/ping", "", ""}).status, 204);
}

TEST(Health, RootNamesTheWayIn) {
  Rig rig;
  const Answer root = rig.ask({HttpMethod::kGet, "/", "", ""});
  EXPECT_EQ(root.status, 200);
  EXPECT_EQ(member(root.body, "version"), "1.2.3");
  EXPECT_EQ(member(root.body, "health"), "/api/v1/health");
}

TEST(Routes, AnswerInJsonWhateverIsAsked) {
  Rig rig;
  const Answer unknown = rig.get("/api/v2/app");
  EXPECT_EQ(unknown.status, 404);
  EXPECT_EQ(member(unknown.body, "code"), "not_found");
  const Answer wrong = rig.ask({HttpMethod::kDelete, "/api/v1/app"});
  EXPECT_EQ(wrong.status, 405);
  EXPECT_EQ(member(wrong.body, "code"), "method_not_allowed");
  EXPECT_EQ(wrong.header("allow"), "POST, GET, HEAD");
}

TEST(Routes, LetPagesOfOtherOriginsCall) {
  Rig rig;
  const Answer asked = rig.ask(
      {HttpMethod::kOptions,
       "/api/v1/app",
       "",
       "",
       {{"origin", "https://x.example"}, {"access-control-request-headers", "authorization,x-y"}}});
  EXPECT_EQ(asked.status, 204);
  EXPECT_EQ(asked.header("access-control-allow-origin"), "*");
  EXPECT_EQ(asked.header("access-control-allow-headers"), "authorization,x-y");
  EXPECT_EQ(asked.header("access-control-max-age"), "600");
  const Answer read =
      rig.ask({HttpMethod::kGet, "/api/v1/app", "", "org", {{"origin", "https://x.example"}}});
  EXPECT_EQ(read.status, 200);
  EXPECT_EQ(read.header("access-control-allow-origin"), "*");
  EXPECT_EQ(rig.get("/api/v1/app").header("access-control-allow-origin"), "");
}

}  // namespace
}  // namespace posthorn::api

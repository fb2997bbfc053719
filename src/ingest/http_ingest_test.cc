// Posting messages: answers, repeats, conflicts, batches, and who may post.
#include "ingest/http_ingest.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ingest/testing/fakes.h"
#include "wire/json.h"

namespace posthorn::ingest {
namespace {

using testing::FakeLog;
using testing::FakeLoop;
using testing::FakeWorker;

http::Response refuse(const model::Refusal& refusal) {
  http::Response response;
  response.status = 400 + static_cast<int>(refusal.error.code);
  for (const auto& issue : refusal.issues) {
    for (const auto& part : issue.loc) response.body += part + ".";
    response.body += issue.msg + ";";
  }
  if (refusal.issues.empty()) response.body = refusal.error.message;
  return response;
}
int status_of(Errc code) { return 400 + static_cast<int>(code); }

void append_refusal(std::string& out, const model::Refusal& refusal) {
  out += "\"" + std::string(errc_name(refusal.error.code)) + "\"";
}

struct Answers : http::Responder::Target {
  void respond(uint64_t, http::Response response) override { got.push_back(std::move(response)); }
  std::vector<http::Response> got;
};

class HttpIngestTest : public ::testing::Test {
 protected:
  HttpIngestTest() {
    caller_.organization.bytes.raw[19] = 5;
    auto state = std::make_shared<catalog::AppState>();
    state->app.id.bytes.raw[19] = 1;
    state->app.organization = caller_.organization;
    state->app.uid = "customer-1";
    auto made = std::make_shared<catalog::Snapshot>();
    made->apps = made->apps.with(state->app.id, state);
    made->app_uids =
        made->app_uids.with(catalog::AppUid{caller_.organization, "customer-1"}, state->app.id);
    snapshot_ = made;
    intake_ = std::make_unique<Intake>(
        IntakeDeps{loop_, log_, reader_, [this] { return snapshot_; },
                   [](const catalog::AppRef&, const model::Message&) {
                     return std::make_shared<const model::TargetSet>(std::vector<EndpointId>{});
                   }});
    HttpIngestLimits limits;
    limits.batch_messages_max = 5;
    ingest_ = std::make_unique<HttpIngest>(
        HttpIngestDeps{*intake_, loop_, [this] { return snapshot_; },
                       [this](std::string_view authorization) -> Result<model::Caller> {
                         if (authorization == "Bearer good") return caller_;
                         return error(Errc::kUnauthorized, "who are you?");
                       },
                       refuse, append_refusal},
        limits);
  }

  struct Post {
    std::string body;
    std::string query;
    std::string key;
    std::string app = "customer-1";
    std::string authorization = "Bearer good";
    bool batch = false;
  };
  http::Response post(const Post& what) {
    // One head as it was sent: the fields are views into it.
    wire::HeaderList headers;
    std::string all = "authorization" + what.authorization + "idempotency-key" + what.key;
    headers.rebase(all.data());
    const std::string_view view = all;
    headers.add(view.substr(0, 13), view.substr(13, what.authorization.size()));
    if (!what.key.empty()) {
      headers.add(view.substr(13 + what.authorization.size(), 15),
                  view.substr(28 + what.authorization.size()));
    }
    http::Request request;
    request.method = wire::HttpMethod::kPost;
    const std::string path = (what.batch ? "/msg/batch" : "/msg") + slash_;
    request.path = path;
    request.query = what.query;
    request.body = what.body;
    request.headers = &headers;
    auto answers = std::make_shared<Answers>();
    http::Responder responder(answers, 0);
    if (what.batch) {
      ingest_->create_batch(request, std::move(responder), what.app);
    } else {
      ingest_->create(request, std::move(responder), what.app);
    }
    for (int i = 0; i < 10; ++i) reader_.run(), loop_.run_posted();
    EXPECT_EQ(answers->got.size(), 1u);
    return answers->got.empty() ? http::Response{} : std::move(answers->got[0]);
  }
  static std::string header(const http::Response& response, std::string_view name) {
    for (const auto& h : response.headers) {
      if (h.name == name) return h.value;
    }
    return "";
  }

  std::string slash_;  // at the end of the path
  FakeLoop loop_;
  FakeWorker reader_;
  FakeLog log_;
  model::Caller caller_;
  catalog::SnapshotRef snapshot_;
  std::unique_ptr<Intake> intake_;
  std::unique_ptr<HttpIngest> ingest_;
};

TEST_F(HttpIngestTest, AnswersWithTheCommittedMessage) {
  const http::Response response = post({R"({"eventType":"a.b","payload":{ "n": 1.50 }})"});
  EXPECT_EQ(response.status, 202);
  EXPECT_EQ(response.body,
            R"({"id":"msg_000000000000000000000000001","eventId":null,"eventType":"a.b",)"
            R"("payload":{ "n": 1.50 },"channels":null,)"
            R"("timestamp":"2027-01-15T08:00:00.000000Z"})");
  ASSERT_EQ(log_.appended.size(), 1u);
  EXPECT_EQ(log_.appended[0]->payload, "{ \"n\": 1.50 }");
  EXPECT_EQ(log_.appended[0]->app.bytes.raw[19], 1);
  EXPECT_TRUE(log_.appended[0]->idempotency.empty());
  EXPECT_TRUE(log_.appended[0]->event_id_key.empty());
}

TEST_F(HttpIngestTest, LeavesTheContentOutOnRequest) {
  const std::string body = R"({"eventType":"a","payload":{"n":1}})";
  EXPECT_THAT(post({body, "x=1&with_content=false"}).body,
              ::testing::HasSubstr(R"("payload":{},)"));
  EXPECT_THAT(post({body, "with_content=true"}).body, ::testing::HasSubstr(R"("payload":{"n":1})"));
  EXPECT_EQ(post({body, "with_content=maybe"}).status, status_of(Errc::kInvalid));
}

TEST_F(HttpIngestTest, AnswersTextPayloadsBesideAnEmptyObject) {
  const http::Response response = post({R"({"eventType":"a","transformationsParams":)"
                                        R"({"rawPayload":"plain \"text\""}})"});
  EXPECT_THAT(response.body, ::testing::HasSubstr(R"("payload":{},"payloadText":"plain \"text\"",)"
                                                  R"("contentType":"application/json")"));
}

TEST_F(HttpIngestTest, LetsOnlyTheOrganizationPost) {
  const std::string body = R"({"eventType":"a","payload":{}})";
  EXPECT_EQ(post({body, "", "", "customer-1", "Bearer bad"}).status,
            status_of(Errc::kUnauthorized));
  EXPECT_EQ(post({body, "", "", "customer-2"}).status, status_of(Errc::kNotFound));
  caller_.app.emplace();
  EXPECT_EQ(post({body}).status, status_of(Errc::kForbidden));
  caller_.app.reset();
  caller_.organization.bytes.raw[19] = 6;
  EXPECT_EQ(post({body}).status, status_of(Errc::kNotFound));
  EXPECT_TRUE(log_.appended.empty());
}

TEST_F(HttpIngestTest, NamesTheRequestByItsKey) {
  const std::string body = R"({"eventType":"a","eventId":"e","payload":{}})";
  post({body, "", "k1"});
  post({body, "", "k2"});
  post({body, "with_content=false", "k1"});
  ASSERT_EQ(log_.appended.size(), 3u);
  EXPECT_EQ(log_.appended[0]->idempotency_key, "k1");
  EXPECT_NE(log_.appended[0]->idempotency, log_.appended[1]->idempotency);
  EXPECT_NE(log_.appended[0]->idempotency, log_.appended[2]->idempotency);
  EXPECT_EQ(log_.appended[0]->event_id_key, log_.appended[1]->event_id_key);
  slash_ = "/";
  post({body, "", "k1"});
  EXPECT_EQ(log_.appended.back()->idempotency, log_.appended[0]->idempotency);
  EXPECT_EQ(post({body, "", std::string(257, 'k')}).status, status_of(Errc::kInvalid));
}

TEST_F(HttpIngestTest, AnswersARepeatAsTheFirstTime) {
  const http::Response first = post({R"({"eventType":"first","payload":{"n":1}})", "", "key"});
  const auto& key = log_.appended[0]->idempotency;
  log_.recent[key.bytes[0]] = Seq{1};
  const http::Response again = post({R"({"eventType":"first","payload":{"n":1}})", "", "key"});
  EXPECT_EQ(again.status, 202);
  EXPECT_EQ(again.body, first.body);
  EXPECT_EQ(header(again, "idempotent-replayed"), "true");
  EXPECT_EQ(header(again, "idempotency-mismatch"), "");
  const http::Response other = post({R"({"eventType":"other","payload":{}})", "", "key"});
  EXPECT_EQ(other.body, first.body);
  EXPECT_EQ(header(other, "idempotency-mismatch"), "true");
  EXPECT_EQ(log_.appended.size(), 1u);
  EXPECT_EQ(header(first, "idempotent-replayed"), "");
}

TEST_F(HttpIngestTest, SaysThatARepeatedMessageIsNoLongerStored) {
  ASSERT_EQ(post({R"({"eventType":"first","payload":{}})", "", "key"}).status, 202);
  const auto& key = log_.appended[0]->idempotency;
  log_.maybe_stored = {key.bytes[0]};
  log_.stored[key.bytes[0]] = nullptr;
  const http::Response again = post({R"({"eventType":"first","payload":{}})", "", "key"});
  EXPECT_EQ(again.status, status_of(Errc::kConflict));
  EXPECT_NE(again.body.find("no longer stored"), std::string::npos) << again.body;
  EXPECT_EQ(log_.appended.size(), 1u);
}

TEST_F(HttpIngestTest, RefusesARepeatedEventId) {
  const std::string body = R"({"eventType":"a","eventId":"e","payload":{}})";
  post({body});
  const auto& key = log_.appended[0]->event_id_key;
  log_.maybe_stored = {key.bytes[0]};
  log_.stored[key.bytes[0]] = log_.appended[0];
  EXPECT_EQ(post({body}).status, status_of(Errc::kConflict));
  EXPECT_EQ(log_.appended.size(), 1u);
}

TEST_F(HttpIngestTest, RefusesBodiesThatAreNotMessages) {
  for (const std::string body : {"", "{", "[]", "{\"eventType\":\"a\"}", "\xff", "{}x"}) {
    EXPECT_EQ(post({body}).status, status_of(Errc::kInvalid)) << body;
  }
  const std::string large(2 << 20, ' ');
  EXPECT_EQ(post({large + R"({"eventType":"a","payload":{}})"}).status, status_of(Errc::kTooLarge));
  EXPECT_TRUE(log_.appended.empty());
}

TEST_F(HttpIngestTest, PassesRefusalsOfTheLogOn) {
  const std::string body = R"({"eventType":"a","payload":{}})";
  for (const Errc code : {Errc::kOverloaded, Errc::kNoSpace, Errc::kUnavailable}) {
    log_.refuse = code;
    EXPECT_EQ(post({body}).status, status_of(code));
    EXPECT_EQ(post({"[" + body + "]", "", "", "customer-1", "Bearer good", true}).status,
              status_of(code));
  }
}

class BatchTest : public HttpIngestTest {
 protected:
  http::Response post_batch(std::string body, std::string key = "") {
    return post({std::move(body), "", std::move(key), "customer-1", "Bearer good", true});
  }
};

TEST_F(BatchTest, TakesTheGoodOnesInOrderAndNamesTheOthers) {
  const http::Response response =
      post_batch(R"([{"eventType":"a","payload":{"n":0}},{"eventType":"","payload":{}},)"
                 R"({"eventType":"b","payload":{"n":2}},7])");
  EXPECT_EQ(response.status, 202);
  EXPECT_EQ(response.body, R"({"results":[{"index":0,"id":"msg_000000000000000000000000001"},)"
                           R"({"index":1,"error":"invalid"},)"
                           R"({"index":2,"id":"msg_000000000000000000000000002"},)"
                           R"({"index":3,"error":"invalid"}]})");
  ASSERT_EQ(log_.appended.size(), 2u);
  EXPECT_EQ(log_.batches, 1);
  EXPECT_EQ(log_.appended[1]->payload, R"({"n":2})");
}

TEST_F(BatchTest, RefusesABatchWithoutAGoodOne) {
  const http::Response response =
      post_batch(R"([{"eventType":"a"},{"payload":{},"eventType":"a b"}])");
  EXPECT_EQ(response.status, status_of(Errc::kInvalid));
  EXPECT_THAT(response.body, ::testing::HasSubstr("body.0.payload."));
  EXPECT_THAT(response.body, ::testing::HasSubstr("body.1.eventType."));
  for (const std::string body : {"[]", "{}", "[1,2,3,4,5,6]", "[", "null"}) {
    EXPECT_EQ(post_batch(body).status, status_of(Errc::kInvalid)) << body;
  }
  EXPECT_EQ(log_.batches, 0);
}

TEST_F(BatchTest, AnswersARepeatWithTheSameIds) {
  const std::string body = R"([{"eventType":"a","payload":{}},1,{"eventType":"b","payload":{}}])";
  const http::Response first = post_batch(body, "key");
  ASSERT_EQ(log_.appended.size(), 2u);
  EXPECT_NE(log_.appended[0]->idempotency, log_.appended[1]->idempotency);
  log_.recent[log_.appended[0]->idempotency.bytes[0]] = Seq{1};
  log_.recent[log_.appended[1]->idempotency.bytes[0]] = Seq{2};
  const http::Response again = post_batch(body, "key");
  EXPECT_EQ(again.status, 202);
  EXPECT_EQ(again.body, first.body);
  EXPECT_EQ(header(again, "idempotent-replayed"), "true");
  EXPECT_EQ(header(first, "idempotent-replayed"), "");
  EXPECT_EQ(log_.appended.size(), 2u);
}

TEST_F(BatchTest, ReportsARepeatedEventIdAtItsPlace) {
  post({R"({"eventType":"a","eventId":"e","payload":{}})"});
  const auto& key = log_.appended[0]->event_id_key;
  log_.maybe_stored = {key.bytes[0]};
  log_.stored[key.bytes[0]] = log_.appended[0];
  const std::string repeated = R"({"eventType":"a","eventId":"e","payload":{}})";
  EXPECT_EQ(post_batch("[1," + repeated + R"(,{"eventType":"b","payload":{}}])").body,
            R"({"results":[{"index":0,"error":"invalid"},{"index":1,"error":"conflict"},)"
            R"({"index":2,"id":"msg_000000000000000000000000002"}]})");
  EXPECT_EQ(post_batch("[" + repeated + "]").status, status_of(Errc::kInvalid));
}

TEST_F(BatchTest, MayHaveALongerBody) {
  const HttpIngestLimits limits;
  EXPECT_EQ(body_bytes_max("/api/v1/app/a/msg/batch?x=1", limits), limits.batch_bytes_max);
  EXPECT_EQ(body_bytes_max("/api/v1/app/a/msg/batch/", limits), limits.batch_bytes_max);
  EXPECT_EQ(body_bytes_max("/api/v1/app/a/msg?q=/msg/batch", limits), limits.body_bytes_max);
}

}  // namespace
}  // namespace posthorn::ingest

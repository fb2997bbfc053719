// Applications and endpoints through the interface: shapes, both generations of names, errors,
// pages, and who may do what.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api/testing/rig.h"

namespace posthorn::api {
namespace {

using testing::Answer;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using testing::member;
using ::testing::Not;
using testing::Rig;
using wire::HttpMethod;

TEST(Applications, AreCreatedAndRead) {
  Rig rig;
  const Answer made = rig.post(
      "/api/v1/app", R"({"name":"Acme \"1\"","uid":"acme","rateLimit":7,"metadata":{"k":"v"}})");
  EXPECT_EQ(made.status, 201);
  EXPECT_THAT(made.body,
              MatchesRegex(R"(\{"id":"app_[0-9A-Za-z]{27}","name":"Acme \\"1\\"","uid":"acme",)"
                           R"("rateLimit":7,"throttleRate":7,"createdAt":"[^"]+Z",)"
                           R"("updatedAt":"[^"]+Z","metadata":\{"k":"v"\}\})"));
  const std::string id = member(made.body, "id");
  for (const std::string& name : {id, std::string("acme")}) {
    const Answer read = rig.get("/api/v1/app/" + name + "/");
    EXPECT_EQ(read.status, 200);
    EXPECT_EQ(read.body, made.body);
  }
  const Answer bare = rig.post("/api/v1/app", R"({"name":"b","uid":null,"metadata":null})");
  EXPECT_EQ(bare.status, 201);
  EXPECT_THAT(bare.body, HasSubstr(R"("rateLimit":null,"throttleRate":null)"));
  EXPECT_THAT(bare.body, Not(HasSubstr("uid")));
}

TEST(Applications, AreFoundInsteadOfMadeOnRequest) {
  Rig rig;
  const std::string body = R"({"name":"Acme","uid":"acme"})";
  const Answer first = rig.post("/api/v1/app?get_if_exists=true", body);
  EXPECT_EQ(first.status, 201);
  const Answer second = rig.post("/api/v1/app?get_if_exists=true", body);
  EXPECT_EQ(second.status, 200);
  EXPECT_EQ(second.body, first.body);
  EXPECT_EQ(rig.post("/api/v1/app", body).status, 409);
}

TEST(Applications, NameWhatIsWrong) {
  Rig rig;
  const struct {
    std::string body;
    std::string part;
  } cases[] = {
      {"", "jsondecode"},
      {"[]", R"("loc":["body"])"},
      {"{}", R"("loc":["body","name"],"msg":"is missing")"},
      {R"({"name":5})", R"("loc":["body","name"],"msg":"must be a string")"},
      {R"({"name":""})", R"("loc":["body","name"])"},
      {R"({"name":"a","uid":""})", R"("loc":["body","uid"])"},
      {R"({"name":"a","uid":"app_1"})", R"("loc":["body","uid"])"},
      {R"({"name":"a","throttleRate":0})", R"("loc":["body","throttleRate"])"},
      {R"({"name":"a","rateLimit":65536})", R"("loc":["body","rateLimit"])"},
      {R"({"name":"a","metadata":{"k":1}})", R"("loc":["body","metadata"])"},
      {R"({"name":"a","metadata":[]})", R"("loc":["body","metadata"])"},
  };
  for (const auto& c : cases) {
    const Answer answer = rig.post("/api/v1/app", c.body);
    EXPECT_EQ(answer.status, 422) << c.body;
    EXPECT_THAT(answer.body, HasSubstr(c.part)) << c.body;
  }
}

std::vector<std::string> ids_of(const std::string& page) {
  std::vector<std::string> ids;
  const std::string_view mark = "{\"id\":\"";
  for (size_t at = page.find(mark); at != std::string::npos; at = page.find(mark, at + 1)) {
    ids.push_back(page.substr(at + mark.size(), page.find('"', at + mark.size()) - at - 7));
  }
  return ids;
}

TEST(Applications, AreListedInPagesBothWays) {
  Rig rig;
  std::vector<std::string> made;
  for (int i = 0; i < 7; ++i) {
    made.push_back(rig.make_app(fmt::format(R"({{"name":"a{}"}})", i)));
    rig.world.run_for(milliseconds{10});
  }
  for (const bool ascending : {true, false}) {
    const std::string order = ascending ? "" : "&order=descending";
    std::vector<std::string> expected = made;
    if (!ascending) std::reverse(expected.begin(), expected.end());
    std::vector<std::string> seen;
    std::string iterator;
    std::string previous;
    for (int round = 0; round < 3; ++round) {
      const Answer page = rig.get("/api/v1/app?limit=3" + order +
                                  (iterator.empty() ? "" : "&iterator=" + iterator));
      ASSERT_EQ(page.status, 200) << page.body;
      const auto ids = ids_of(page.body);
      seen.insert(seen.end(), ids.begin(), ids.end());
      EXPECT_THAT(page.body, HasSubstr(round == 2 ? "\"done\":true" : "\"done\":false"));
      iterator = member(page.body, "iterator");
      EXPECT_EQ(iterator, ids.back());
      previous = member(page.body, "prevIterator");
      EXPECT_EQ(previous, "-" + ids.front());
    }
    EXPECT_EQ(seen, expected);
    const Answer back = rig.get("/api/v1/app?limit=3" + order + "&iterator=" + previous);
    EXPECT_EQ(ids_of(back.body), std::vector<std::string>(seen.begin() + 3, seen.begin() + 6));
  }
  const Answer empty = rig.get("/api/v1/app?iterator=" + made.back());
  EXPECT_EQ(empty.body, R"({"data":[],"iterator":null,"prevIterator":null,"done":true})");
  for (const std::string query : {"limit=0", "limit=251", "limit=x", "order=up", "iterator=app_1",
                                  "iterator=msg_000000000000000000000000001"}) {
    EXPECT_EQ(rig.get("/api/v1/app?" + query).status, 422) << query;
  }
}

TEST(Applications, BelongToTheirCaller) {
  Rig rig;
  const std::string own = rig.make_app();
  const std::string other = rig.make_app();
  const auto as_app = [&](HttpMethod method, std::string target) {
    return rig.ask({method, std::move(target), R"({"name":"x","url":"https://a.example/"})", own});
  };
  EXPECT_EQ(as_app(HttpMethod::kGet, "/api/v1/app/" + own).status, 200);
  EXPECT_EQ(as_app(HttpMethod::kGet, "/api/v1/app/" + other).status, 404);
  EXPECT_EQ(as_app(HttpMethod::kGet, "/api/v1/app/app_x").status, 404);
  EXPECT_EQ(as_app(HttpMethod::kGet, "/api/v1/app").status, 403);
  EXPECT_EQ(as_app(HttpMethod::kPost, "/api/v1/app").status, 403);
  EXPECT_EQ(as_app(HttpMethod::kPost, "/api/v1/app/" + own + "/endpoint").status, 201);
  EXPECT_EQ(as_app(HttpMethod::kPost, "/api/v1/app/" + other + "/endpoint").status, 404);
  model::Caller stranger;
  stranger.organization.bytes.raw[19] = 1;
  const Answer answer =
      rig.ask({HttpMethod::kGet, "/api/v1/app/" + own, "", rig.token_of(stranger)});
  EXPECT_EQ(answer.status, 404);
  const Answer nobody = rig.ask({HttpMethod::kGet, "/api/v1/app/" + own, "", ""});
  EXPECT_EQ(nobody.status, 401);
  EXPECT_THAT(nobody.body, HasSubstr(R"("code":"authentication_failed")"));
}

TEST(Endpoints, AreCreatedReadAndListed) {
  Rig rig;
  const std::string app = rig.make_app(R"({"name":"a","uid":"acme"})");
  const Answer made = rig.post("/api/v1/app/acme/endpoint",
                               R"({"url":"https://a.example/hook","uid":"e-1","description":"d",)"
                               R"("filterTypes":["b","a"],"channels":["c"],"throttleRate":3,)"
                               R"("disabled":true,"headers":{"x-k":"v"},"metadata":{"m":"1"}})");
  EXPECT_EQ(made.status, 201) << made.body;
  EXPECT_THAT(made.body,
              MatchesRegex(R"(\{"id":"ep_[0-9A-Za-z]{27}","url":"https://a.example/hook",)"
                           R"("description":"d","uid":"e-1","rateLimit":3,"throttleRate":3,)"
                           R"("version":1,"disabled":true,"eventTypes":\["a","b"\],)"
                           R"("filterTypes":\["a","b"\],"channels":\["c"\],"createdAt":"[^"]+",)"
                           R"("updatedAt":"[^"]+","metadata":\{"m":"1"\}\})"));
  const std::string base = "/api/v1/app/" + app + "/endpoint/";
  EXPECT_EQ(rig.get(base + member(made.body, "id")).body, made.body);
  EXPECT_EQ(rig.get(base + "e-1").body, made.body);
  EXPECT_EQ(rig.get(base + "e-2").status, 404);
  rig.world.run_for(milliseconds{10});
  const Answer open =
      rig.post("/api/v1/app/acme/endpoint", R"({"url":"http://b.example/","filterTypes":[]})");
  EXPECT_EQ(open.status, 201) << open.body;
  EXPECT_THAT(open.body, HasSubstr(R"("uid":null,)"));
  EXPECT_THAT(open.body, HasSubstr(R"("eventTypes":null,"filterTypes":null,"channels":null)"));
  const Answer list = rig.get("/api/v1/app/acme/endpoint");
  EXPECT_EQ(ids_of(list.body),
            (std::vector<std::string>{member(open.body, "id"), member(made.body, "id")}));
  EXPECT_EQ(rig.post("/api/v1/app/acme/endpoint", R"({"url":"ftp://x"})").status, 422);
  EXPECT_EQ(rig.post("/api/v1/app/acme/endpoint", R"({})").status, 422);
}

TEST(Endpoints, ShowTheirSecret) {
  Rig rig;
  const std::string app = rig.make_app();
  const std::string given = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
  const std::string endpoint =
      rig.make_endpoint(app, R"({"url":"https://a.example/","secret":")" + given + "\"}");
  const std::string base = "/api/v1/app/" + app + "/endpoint/";
  EXPECT_EQ(rig.get(base + endpoint + "/secret").body, R"({"key":")" + given + "\"}");
  const std::string other = rig.make_endpoint(app, R"({"url":"https://a.example/"})");
  EXPECT_THAT(member(rig.get(base + other + "/secret").body, "key"),
              MatchesRegex("whsec_[A-Za-z0-9+/=]{32,}"));
  EXPECT_EQ(rig.get(base + "ep_x/secret").status, 404);
}

TEST(Endpoints, ShowOnlyThePublicHalfOfASigningKey) {
  Rig rig;
  const std::string app = rig.make_app();
  const std::string endpoint = rig.make_endpoint(
      app,
      R"({"url":"https://a.example/","secret":"whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVK)"
      R"(IDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg=="})");
  EXPECT_EQ(rig.get("/api/v1/app/" + app + "/endpoint/" + endpoint + "/secret").body,
            R"({"key":"whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4="})");
}

}  // namespace
}  // namespace posthorn::api

// Every error has a status, a code and a JSON body; what is internal stays inside.
#include "api/errors.h"

#include <gtest/gtest.h>

#include "wire/json.h"

namespace posthorn::api {
namespace {

std::string body_of(Errc code, std::string message) {
  return error_response(error(code, std::move(message))).body;
}

TEST(Errors, MapsEachCodeToItsStatus) {
  const struct {
    Errc code;
    int status;
    std::string_view retry_after;
  } cases[] = {
      {Errc::kInvalid, 422, ""},      {Errc::kTooLarge, 413, ""},
      {Errc::kUnauthorized, 401, ""}, {Errc::kForbidden, 403, ""},
      {Errc::kNotFound, 404, ""},     {Errc::kConflict, 409, ""},
      {Errc::kOverloaded, 429, "1"},  {Errc::kNoSpace, 507, "30"},
      {Errc::kUnavailable, 503, "1"}, {Errc::kUnknownOutcome, 503, "1"},
      {Errc::kInternal, 500, ""},     {Errc::kCorrupt, 500, ""},
  };
  for (const auto& c : cases) {
    const http::Response response = error_response(error(c.code, "text"));
    EXPECT_EQ(response.status, c.status) << errc_name(c.code);
    std::string retry_after;
    for (const auto& header : response.headers) {
      if (header.name == "retry-after") retry_after = header.value;
    }
    EXPECT_EQ(retry_after, c.retry_after) << errc_name(c.code);
    EXPECT_TRUE(wire::parse_json(response.body).ok()) << response.body;
  }
}

TEST(Errors, RendersCodeAndDetail) {
  EXPECT_EQ(body_of(Errc::kNotFound, "no \"such\" app"),
            R"({"code":"not_found","detail":"no \"such\" app"})");
}

TEST(Errors, ListsWrongFieldsWithTheirPlace) {
  model::IssueList issues;
  issues.add({"body", "channels"}, "is empty");
  issues.add({"query", "limit"}, "must be a number");
  EXPECT_EQ(refusal_response(std::move(issues).refusal()).body,
            R"({"code":"validation","detail":[)"
            R"({"loc":["body","channels"],"msg":"is empty","type":"value_error"},)"
            R"({"loc":["query","limit"],"msg":"must be a number","type":"value_error"}]})");
}

TEST(Errors, TakesTheFieldFromTheFrontOfAMessage) {
  EXPECT_EQ(body_of(Errc::kInvalid, "url: must start with https://"),
            R"({"code":"validation","detail":[)"
            R"({"loc":["body","url"],"msg":"must start with https://","type":"value_error"}]})");
  EXPECT_EQ(body_of(Errc::kInvalid, "not valid JSON at byte 3: x"),
            R"({"code":"validation","detail":[)"
            R"({"loc":["body"],"msg":"not valid JSON at byte 3: x","type":"value_error"}]})");
}

TEST(Errors, KeepsInternalTextInside) {
  for (const Errc code : {Errc::kInternal, Errc::kIo, Errc::kCorrupt, Errc::kUnsupported,
                          Errc::kUnknownOutcome, Errc::kTimeout, Errc::kNoSpace}) {
    EXPECT_EQ(body_of(code, "/var/lib/secret").find("secret"), std::string::npos);
  }
}

TEST(Errors, BoundsTheListOfIssues) {
  model::IssueList issues;
  for (int i = 0; i < 1000; ++i) issues.add({"body"}, "wrong");
  EXPECT_EQ(issues.issues().size(), model::IssueList::kIssuesMax);
}

}  // namespace
}  // namespace posthorn::api

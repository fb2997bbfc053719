// Tokens: who they name, when they hold, and that remembering them forgets nothing.
#include "api/auth.h"

#include <gtest/gtest.h>

#include "wire/jwt.h"

namespace posthorn::api {
namespace {

constexpr std::string_view kSecret = "a secret of the tests, long enough";
constexpr WallTime kNow{1'800'000'000'000'000};

model::Caller organization_caller() {
  model::Caller caller;
  caller.organization.bytes.raw[19] = 7;
  return caller;
}

std::string bearer(const std::string& token) { return "Bearer " + token; }

std::string token_of(const model::Caller& caller, seconds lifetime = seconds{60}) {
  return make_token(kSecret, {caller, kNow, lifetime});
}

TEST(Auth, KnowsOrganizationsAndApplications) {
  Auth auth{std::string(kSecret)};
  const model::Caller organization = organization_caller();
  model::Caller app = organization;
  app.app.emplace();
  app.app->bytes.raw[18] = 9;
  for (const model::Caller& caller : {organization, app}) {
    const std::string header = bearer(token_of(caller));
    for (int round = 0; round < 2; ++round) {
      const auto verified = auth.verify(header, kNow);
      ASSERT_TRUE(verified.ok());
      EXPECT_EQ(*verified, caller);
    }
  }
  EXPECT_EQ(auth.remembered(), 2u);
  EXPECT_TRUE(auth.verify("bEARER " + token_of(app), kNow).ok());
}

TEST(Auth, RefusesEverythingElseWithOneText) {
  Auth auth{std::string(kSecret)};
  const std::string good = token_of(organization_caller());
  std::string changed = good;
  changed[changed.size() / 2] = changed[changed.size() / 2] == 'A' ? 'B' : 'A';
  wire::JwtClaims no_organization;
  no_organization.subject = AppId{}.text();
  wire::JwtClaims nobody;
  nobody.subject = "root";
  const std::string headers[] = {
      "",
      "Bearer",
      "Bearer ",
      good,
      "Basic " + good,
      bearer(changed),
      bearer(good + "x"),
      bearer(make_token("another secret of the tests", {organization_caller(), kNow, seconds{9}})),
      bearer(wire::encode_jwt(no_organization, kSecret)),
      bearer(wire::encode_jwt(nobody, kSecret)),
      bearer(std::string(5000, 'a')),
  };
  const std::string expected = auth.verify("", kNow).error().message;
  for (const std::string& header : headers) {
    const auto verified = auth.verify(header, kNow);
    ASSERT_FALSE(verified.ok()) << header;
    EXPECT_EQ(verified.error().code, Errc::kUnauthorized);
    EXPECT_EQ(verified.error().message, expected);
  }
  EXPECT_EQ(auth.remembered(), 0u);
}

TEST(Auth, EndsARememberedTokenWithItsTime) {
  Auth auth{std::string(kSecret)};
  const std::string header = bearer(token_of(organization_caller(), seconds{60}));
  EXPECT_TRUE(auth.verify(header, kNow).ok());
  EXPECT_TRUE(auth.verify(header, kNow + seconds{59}).ok());
  EXPECT_FALSE(auth.verify(header, kNow + seconds{60}).ok());
  EXPECT_EQ(auth.remembered(), 0u);
  EXPECT_TRUE(auth.verify(header, kNow).ok());
  EXPECT_FALSE(auth.verify(header, kNow - seconds{1}).ok());
}

TEST(Auth, RemembersABoundedNumberOfTokens) {
  Auth auth{std::string(kSecret)};
  for (size_t i = 0; i < Auth::kTokensMax + 10; ++i) {
    const auto lifetime = seconds{60 + static_cast<int64_t>(i)};
    ASSERT_TRUE(auth.verify(bearer(token_of(organization_caller(), lifetime)), kNow).ok());
    ASSERT_LE(auth.remembered(), Auth::kTokensMax);
  }
}

}  // namespace
}  // namespace posthorn::api

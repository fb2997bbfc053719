#include "wire/jwt.h"

#include <gtest/gtest.h>

#include "wire/base64.h"
#include "wire/hmac.h"

namespace posthorn::wire {
namespace {

constexpr ByteView kSecret = "a secret of the operator";
constexpr WallTime kNow{1'700'000'000'000'000};

// A token with any header and claims, signed well.
std::string forge(ByteView header, ByteView claims, ByteView secret = kSecret) {
  std::string token;
  append_base64url(token, header);
  token += '.';
  append_base64url(token, claims);
  const auto digest = HmacKey(secret).sign({token});
  token += '.';
  append_base64url(token, {reinterpret_cast<const char*>(digest.data()), digest.size()});
  return token;
}

std::string refusal(ByteView token, WallTime now = kNow) {
  const auto claims = verify_jwt(token, kSecret, now);
  if (claims.ok()) return "accepted";
  EXPECT_EQ(claims.error().code, Errc::kUnauthorized);
  return claims.error().message;
}

constexpr ByteView kGoodHeader = R"({"alg":"HS256","typ":"JWT"})";

TEST(Jwt, RoundTrips) {
  JwtClaims claims;
  claims.issuer = "posthorn";
  claims.subject = "org_23rb8YdGqMT0qIzpgGwdXfHirMu";
  claims.issued_at = 1'699'999'999;
  claims.not_before = 1'699'999'999;
  claims.expires_at = 1'700'000'001;
  const std::string token = encode_jwt(claims, kSecret);
  const auto read = verify_jwt(token, kSecret, kNow);
  ASSERT_TRUE(read.ok()) << read.error().message;
  EXPECT_EQ(read->subject, claims.subject);
  EXPECT_EQ(read->issuer, "posthorn");
  EXPECT_EQ(read->organization, "");
  EXPECT_EQ(read->expires_at, claims.expires_at);
  EXPECT_NE(read->object.find("\"sub\":"), std::string::npos);
}

TEST(Jwt, ReadsTheTokenOfTheStandardsExample) {
  // RFC 7515 A.1: the key and the token are given there.
  const auto key = decode_base64url(
      "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow");
  const ByteView token =
      "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9"
      ".eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnV"
      "lfQ"
      ".dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
  const auto claims = verify_jwt(token, *key, WallTime{1'300'819'379'000'000});
  ASSERT_TRUE(claims.ok());
  EXPECT_EQ(claims->issuer, "joe");
  EXPECT_FALSE(verify_jwt(token, *key, WallTime{1'300'819'380'000'000}).ok());
}

TEST(Jwt, RefusesOtherAlgorithms) {
  for (const ByteView header :
       {R"({"alg":"none"})", R"({"alg":"None"})", R"({"alg":"HS512"})", R"({"alg":"RS256"})",
        R"({"typ":"JWT"})", R"({"alg":null})", R"({"alg":["HS256"]})",
        R"({"alg":"none","alg":"HS256"})", R"({"alg":"HS256","crit":["exp"]})", R"([])", "x"}) {
    EXPECT_NE(refusal(forge(header, "{}")), "accepted") << header;
  }
  std::string unsigned_token;
  append_base64url(unsigned_token, R"({"alg":"none"})");
  unsigned_token += ".e30.";
  EXPECT_EQ(refusal(unsigned_token), "token: bad signature");
}

TEST(Jwt, RefusesEveryChangedByte) {
  const std::string token = forge(kGoodHeader, R"({"sub":"org_a"})");
  EXPECT_EQ(refusal(token), "accepted");
  for (size_t at = 0; at < token.size(); ++at) {
    std::string changed = token;
    changed[at] = changed[at] == 'A' ? 'B' : 'A';
    EXPECT_NE(refusal(changed), "accepted") << at;
  }
  EXPECT_EQ(refusal(forge(kGoodHeader, "{}", "another secret")), "token: bad signature");
  EXPECT_NE(refusal(token + "="), "accepted");
  EXPECT_NE(refusal(token + ".x"), "accepted");
  EXPECT_NE(refusal(token.substr(0, token.rfind('.'))), "accepted");
}

TEST(Jwt, ChecksTimes) {
  EXPECT_EQ(refusal(forge(kGoodHeader, R"({"exp":1700000000})")), "token: expired");
  EXPECT_EQ(refusal(forge(kGoodHeader, R"({"exp":1700000001})")), "accepted");
  EXPECT_EQ(refusal(forge(kGoodHeader, R"({"exp":1700000001.5})")), "accepted");
  EXPECT_EQ(refusal(forge(kGoodHeader, R"({"nbf":1700000001})")), "token: not valid yet");
  EXPECT_EQ(refusal(forge(kGoodHeader, R"({"nbf":1700000000})")), "accepted");
  for (const ByteView claims :
       {R"({"exp":"1700000001"})", R"({"exp":null})", R"({"exp":1e300})", R"({"nbf":true})",
        R"({"sub":1})", R"({"exp":1900000000,"exp":1900000000})", "[]", "{"}) {
    EXPECT_NE(refusal(forge(kGoodHeader, claims)), "accepted") << claims;
  }
}

TEST(Jwt, RefusesGarbageAndHugeTokens) {
  for (const ByteView token : {"", ".", "..", "...", "a.b", "a.b.c", "\x01.\x02.\x03"}) {
    EXPECT_NE(refusal(token), "accepted") << token;
  }
  EXPECT_EQ(refusal(std::string(5000, 'a')), "token: too long");
}

}  // namespace
}  // namespace posthorn::wire

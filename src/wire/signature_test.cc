#include "wire/signature.h"

#include <gtest/gtest.h>

namespace posthorn::wire {
namespace {

constexpr ByteView kPair =
    "whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg==";
constexpr ByteView kPublic = "whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4=";
constexpr SignedContent kContent{"msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330,
                                 "{\"test\": 2432232314}"};

std::string sign(ByteView secret, const SignedContent& content) {
  std::string out("kept ");
  SigningKey::parse(secret)->append_signature(out, content);
  return out.substr(5);
}

TEST(Signature, MatchesThePublishedVectors) {
  EXPECT_EQ(sign("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", kContent),
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
  EXPECT_EQ(sign("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", kContent),
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
  EXPECT_EQ(sign("whsec_plJ3nmyCDGBKInavdOK15jsl",
                 {"msg_loFOjxBNrRLzqYUf", 1731705121,
                  "{\"event_type\":\"ping\",\"data\":{\"success\":true}}"}),
            "v1,rAvfW3dJ/X/qxhsaXPOyyCGmRKsaKWcsNccKXlIktD0=");
  EXPECT_EQ(sign(kPair, kContent),
            "v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5BdqzCInXqYXFymVJaA7AZdpXwVLPo3mNl8EM+"
            "m7TBAg==");
  EXPECT_EQ(SigningKey::parse(kPair)->public_key(), kPublic);
}

TEST(Signature, RefusesBadSecretsWithoutRepeatingThem) {
  const std::string bad[] = {
      "",
      "whsec_",
      "whsec_" + std::string(104, 'A'),  // 78 bytes
      "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLa*w",
      "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw ",
      "whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4=",
      "whsk_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
  };
  for (const std::string& secret : bad) {
    const auto key = SigningKey::parse(secret);
    ASSERT_FALSE(key.ok()) << secret;
    if (secret.size() < 8) continue;
    EXPECT_EQ(key.error().message.find(secret), std::string::npos);
  }
  std::string mixed(kPair);
  mixed[60] = mixed[60] == 'A' ? 'B' : 'A';
  EXPECT_FALSE(SigningKey::parse(mixed).ok());
}

TEST(Signature, AcceptsSecretsOfEveryAllowedSize) {
  EXPECT_TRUE(SigningKey::parse("whsec_" + std::string(24, 'A')).ok());   // 18 bytes
  EXPECT_TRUE(SigningKey::parse("whsec_" + std::string(100, 'A')).ok());  // 75 bytes
  EXPECT_FALSE(SigningKey::parse("whsec_" + std::string(104, 'A')).ok());
}

TEST(Signature, SeveralKeysSignSideBySideAndEachVerifies) {
  const ByteView first = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
  const ByteView second = "whsec_plJ3nmyCDGBKInavdOK15jsl";
  std::vector<SigningKey> keys;
  for (const ByteView secret : {first, second, kPair}) {
    keys.push_back(*SigningKey::parse(secret));
  }
  std::string header;
  append_signatures(header, keys, kContent);
  EXPECT_EQ(std::count(header.begin(), header.end(), ' '), 2);
  for (const ByteView key : {first, second, kPublic}) {
    EXPECT_TRUE(verify_signature(header, key, kContent)) << key;
    for (const SignedContent& other :
         {SignedContent{"msg_other", kContent.timestamp, kContent.body},
          SignedContent{kContent.id, kContent.timestamp + 1, kContent.body},
          SignedContent{kContent.id, kContent.timestamp, "{\"test\": 2432232315}"}}) {
      EXPECT_FALSE(verify_signature(header, key, other)) << key;
    }
  }
  EXPECT_FALSE(verify_signature(header, "whsec_" + std::string(32, 'A'), kContent));
  EXPECT_FALSE(verify_signature(header, "whpk_" + std::string(43, 'A') + "=", kContent));
  EXPECT_FALSE(verify_signature(header, "whpk_", kContent));
  EXPECT_FALSE(verify_signature("", first, kContent));
  EXPECT_FALSE(verify_signature("v1, v2,abc v1", first, kContent));
  EXPECT_FALSE(verify_signature(header, kPair, kContent));
}

TEST(Signature, SignsBodiesOfAnyBytes) {
  const ByteView secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
  const std::string body("\0\xff.\r\n", 5);
  const SignedContent content{"a", -1, body};
  EXPECT_TRUE(verify_signature(sign(secret, content), secret, content));
}

}  // namespace
}  // namespace posthorn::wire

#include "deliver/sign.h"

#include <gtest/gtest.h>

namespace posthorn::deliver {
namespace {

constexpr const char* kHmac = "whsec_plJ3nmyCDGBKInavdOK15jsl";
constexpr const char* kEd25519 =
    "whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg==";
const wire::SignedContent kContent{"msg_loFOjxBNrRLzqYUf", 1731705121,
                                   R"({"event_type":"ping","data":{"success":true}})"};

std::string headers(const std::vector<model::EndpointSecret>& secrets, WallTime now,
                    SignatureHeaders names) {
  std::string out;
  EndpointKeys(secrets).append_headers(out, kContent, now, names);
  return out;
}

TEST(Sign, WritesTheStandardTriple) {
  EXPECT_EQ(headers({{kHmac, {}}}, {}, SignatureHeaders::kWebhook),
            "webhook-id: msg_loFOjxBNrRLzqYUf\r\n"
            "webhook-timestamp: 1731705121\r\n"
            "webhook-signature: v1,rAvfW3dJ/X/qxhsaXPOyyCGmRKsaKWcsNccKXlIktD0=\r\n");
}

TEST(Sign, WritesTheOtherNamesOrBoth) {
  const std::string svix = headers({{kHmac, {}}}, {}, SignatureHeaders::kSvix);
  EXPECT_EQ(svix.find("svix-id: "), 0u);
  EXPECT_EQ(svix.find("webhook-"), std::string::npos);
  const std::string both = headers({{kHmac, {}}}, {}, SignatureHeaders::kBoth);
  EXPECT_NE(both.find("webhook-signature: v1,"), std::string::npos);
  EXPECT_NE(both.find("svix-signature: v1,"), std::string::npos);
}

TEST(Sign, EverySecretSignsUntilItExpires) {
  const std::vector<model::EndpointSecret> secrets = {{kEd25519, {}}, {kHmac, WallTime{100}}};
  const std::string in_grace = headers(secrets, WallTime{99}, SignatureHeaders::kWebhook);
  EXPECT_NE(in_grace.find("v1a,"), std::string::npos);
  EXPECT_NE(in_grace.find(" v1,"), std::string::npos);
  const std::string after = headers(secrets, WallTime{100}, SignatureHeaders::kWebhook);
  EXPECT_NE(after.find("v1a,"), std::string::npos);
  EXPECT_EQ(after.find("v1,"), std::string::npos);
}

}  // namespace
}  // namespace posthorn::deliver

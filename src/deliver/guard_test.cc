#include "deliver/guard.h"

#include <gtest/gtest.h>

#include "base/rng.h"

namespace posthorn::deliver {
namespace {

bool allowed(const char* text, const GuardPolicy& policy = {}) {
  return judge(*IpAddress::parse(text), policy).allowed;
}

const char* const kRefusedV4[] = {
    "0.0.0.0",         "10.1.2.3",     "100.64.0.1",     "127.0.0.1",       "127.255.255.255",
    "169.254.169.254", "172.16.0.1",   "172.31.255.255", "192.0.0.1",       "192.0.2.1",
    "192.88.99.1",     "192.168.1.1",  "198.18.0.1",     "198.19.255.255",  "198.51.100.7",
    "203.0.113.9",     "224.0.0.1",    "240.0.0.1",      "255.255.255.255", "168.63.129.16",
    "192.31.196.1",    "192.52.193.1", "192.175.48.1"};

TEST(Guard, RefusesEverySpecialBlock) {
  for (const char* text : kRefusedV4) EXPECT_FALSE(allowed(text)) << text;
  for (const char* text :
       {"::", "::1", "fc00::1", "fd00:ec2::254", "fe80::1", "fec0::1", "ff02::1", "100::1",
        "5f00::1", "64:ff9b:1::1", "2001::1", "2001:db8::1", "2002:7f00:1::", "3fff::1"}) {
    EXPECT_FALSE(allowed(text)) << text;
  }
}

TEST(Guard, RefusesABadIpv4AddressInEveryIpv6Wrapping) {
  for (const char* text : kRefusedV4) {
    for (const char* wrapping : {"::ffff:", "::ffff:0:", "64:ff9b::", "::"}) {
      const auto ip = IpAddress::parse(std::string(wrapping) + text);
      ASSERT_TRUE(ip.has_value()) << wrapping << text;
      EXPECT_FALSE(judge(*ip, {}).allowed) << wrapping << text;
    }
  }
}

TEST(Guard, RefusesTheAddressesOfThisMachineUnlessAllowed) {
  GuardPolicy policy;
  policy.own = {*IpAddress::parse("8.8.4.4"), *IpAddress::parse("2a00::5")};
  EXPECT_FALSE(allowed("8.8.4.4", policy));
  EXPECT_FALSE(allowed("2a00::5", policy));
  EXPECT_TRUE(allowed("8.8.4.5", policy));
  EXPECT_EQ(judge(policy.own[0], policy).reason, "8.8.4.4 is an address of this machine");
  EXPECT_EQ(judge(policy.own[0], policy).block, "8.8.4.4/32");
  policy.allow = {*Cidr::parse("8.8.4.4/32")};
  EXPECT_TRUE(allowed("8.8.4.4", policy));
}

TEST(Guard, AllowsPublicAddressesAndTheNeighboursOfBlocks) {
  for (const char* text : {"1.1.1.1", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0",
                           "126.255.255.255", "128.0.0.0", "172.15.255.255", "172.32.0.0",
                           "223.255.255.255", "2606:4700::1111", "2a00::1", "2001:200::1"}) {
    EXPECT_TRUE(allowed(text)) << text;
  }
}

TEST(Guard, ExemptsOnlyTheAllowedBlocks) {
  const GuardPolicy policy{{*Cidr::parse("127.0.0.0/8"), *Cidr::parse("::1")}};
  EXPECT_TRUE(allowed("127.0.0.1", policy));
  EXPECT_TRUE(allowed("::1", policy));
  EXPECT_FALSE(allowed("10.0.0.1", policy));
  EXPECT_FALSE(allowed("::ffff:127.0.0.1", policy));
}

TEST(Guard, OneBadCandidateRefusesTheName) {
  const std::vector<IpAddress> mixed = {IpAddress::v4(1, 1, 1, 1), IpAddress::v4(127, 0, 0, 1)};
  const GuardVerdict verdict = judge_all(mixed, {});
  EXPECT_FALSE(verdict.allowed);
  EXPECT_EQ(verdict.reason, "127.0.0.1 is a loopback address");
  EXPECT_FALSE(judge_all({}, {}).allowed);
}

TEST(Guard, NoRandomIpv6AddressOutsideGlobalUnicastPasses) {
  Rng rng(1);
  for (int i = 0; i < 20'000; ++i) {
    IpAddress ip;
    ip.v6 = true;
    rng.fill(ip.bytes);
    if ((ip.bytes[0] & 0xE0) == 0x20) continue;
    EXPECT_FALSE(judge(ip, {}).allowed) << ip.text();
  }
}

}  // namespace
}  // namespace posthorn::deliver

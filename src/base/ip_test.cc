#include "base/ip.h"

#include <gtest/gtest.h>

namespace posthorn {
namespace {

TEST(Ip, AcceptsOnlyCanonicalTextForms) {
  for (const char* good : {"0.0.0.0", "127.0.0.1", "255.255.255.255", "::", "::1", "1::",
                           "2001:db8::1", "1:2:3:4:5:6:7:8", "::ffff:10.0.0.1", "fe80::1:2"}) {
    EXPECT_TRUE(IpAddress::parse(good).has_value()) << good;
  }
  for (const char* bad : {"",           "1",          "127.1",         "0x7f.0.0.1",
                          "0177.0.0.1", "2130706433", "1.2.3.4.5",     "1.2.3.256",
                          "01.2.3.4",   "1.2.3.",     " 1.2.3.4",      "fe80::1%eth0",
                          ":::",        "1::2::3",    "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9",
                          "12345::",    "::1.2.3",    "1.2.3.4::",     ":1",
                          "1:",         "１.2.3.4"}) {
    EXPECT_FALSE(IpAddress::parse(bad).has_value()) << bad;
  }
}

TEST(Ip, PrintsWhatItParses) {
  for (const char* text : {"10.0.0.1", "::", "::1", "2001:db8::8:0:0:1", "1:2:3:4:5:6:7:8"}) {
    EXPECT_EQ(IpAddress::parse(text)->text(), text);
  }
  EXPECT_EQ(SocketAddress::parse("[::1]:80")->text(), "[::1]:80");
  EXPECT_EQ(SocketAddress::parse("1.2.3.4:65535")->text(), "1.2.3.4:65535");
  EXPECT_FALSE(SocketAddress::parse("::1:80").has_value());
  EXPECT_FALSE(SocketAddress::parse("1.2.3.4:65536").has_value());
  EXPECT_FALSE(SocketAddress::parse("[1.2.3.4]:80").has_value());
}

TEST(Ip, BlocksContainTheirAddressesOnly) {
  const auto block = Cidr::parse("172.16.0.0/12");
  ASSERT_TRUE(block.has_value());
  EXPECT_TRUE(block->contains(*IpAddress::parse("172.31.255.255")));
  EXPECT_FALSE(block->contains(*IpAddress::parse("172.32.0.0")));
  EXPECT_FALSE(block->contains(*IpAddress::parse("::172.16.0.1")));
  EXPECT_TRUE(Cidr::parse("0.0.0.0/0")->contains(*IpAddress::parse("8.8.8.8")));
  EXPECT_FALSE(Cidr::parse("10.0.0.1/8").has_value());
  EXPECT_FALSE(Cidr::parse("10.0.0.0/33").has_value());
  EXPECT_EQ(Cidr::parse("::1")->length, 128);
}

}  // namespace
}  // namespace posthorn

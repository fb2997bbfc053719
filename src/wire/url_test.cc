#include "wire/url.h"

#include <gtest/gtest.h>

namespace posthorn::wire {
namespace {

bool accepted(ByteView text) { return parse_url(text).ok(); }

TEST(Url, ReadsEveryPart) {
  const auto url = parse_url("HTTPS://us%40er:p%3Aw@API.Example.com:8443/a/%2e?x=%20&y#frag");
  ASSERT_TRUE(url.ok()) << url.error().message;
  EXPECT_TRUE(url->https);
  EXPECT_EQ(url->host, "api.example.com");
  EXPECT_EQ(url->port, 8443);
  EXPECT_EQ(url->target, "/a/%2e?x=%20&y");
  EXPECT_EQ(url->credentials->user, "us@er");
  EXPECT_EQ(url->credentials->password, "p:w");
  EXPECT_EQ(url->authority(), "api.example.com:8443");
  EXPECT_FALSE(url->address.has_value());
}

TEST(Url, FillsWhatIsLeftOut) {
  EXPECT_EQ(parse_url("http://a")->target, "/");
  EXPECT_EQ(parse_url("http://a?x")->target, "/?x");
  EXPECT_EQ(parse_url("http://a#x")->target, "/");
  EXPECT_EQ(parse_url("http://a")->port, 80);
  EXPECT_EQ(parse_url("https://a")->port, 443);
  EXPECT_EQ(parse_url("https://a:443")->authority(), "a");
  EXPECT_EQ(parse_url("http://a:443")->authority(), "a:443");
  EXPECT_FALSE(parse_url("http://a/@x")->credentials.has_value());
  EXPECT_EQ(parse_url("http://u@a")->credentials->password, "");
}

TEST(Url, ReadsAddresses) {
  EXPECT_EQ(parse_url("http://127.0.0.1/")->address, IpAddress::v4(127, 0, 0, 1));
  const auto v6 = parse_url("http://[0:0::1]:81/");
  ASSERT_TRUE(v6.ok());
  EXPECT_EQ(v6->address, IpAddress::parse("::1"));
  EXPECT_EQ(v6->host, "::1");
  EXPECT_EQ(v6->authority(), "[::1]:81");
}

TEST(Url, RefusesHostsThatReadersUnderstandDifferently) {
  for (const ByteView bad : {"http://0x7f.1/",
                             "http://127.1/",
                             "http://2130706433/",
                             "http://0177.0.0.1/",
                             "http://0x7f000001/",
                             "http://127.0.0.0x1/",
                             "http://1.2.3.4.5/",
                             "http://256.1.1.1/",
                             "http://127.0.0.1./",
                             "http://a.0x/",
                             "http://a.1/",
                             "http://01.2.3.4/",
                             "http://127\xe3\x80\x82"
                             "0.0.1/",
                             "http://\xef\xbc\x91.1.1.1/",
                             "http://[::1%25eth0]/",
                             "http://[fe80::1%eth0]/",
                             "http://[127.0.0.1]/",
                             "http://[::1/",
                             "http://::1/",
                             "http://[]/",
                             "http://%31%32%37.0.0.1/",
                             "http://a%2eb/",
                             "http://b\xc3\xbc"
                             "cher.de/",
                             "http://a..b/",
                             "http://.a/",
                             "http://a./",
                             "http://-a/",
                             "http://a-/",
                             "http://a b/",
                             "http://a\tb/",
                             "http://a\\b/",
                             "http://a@b@c/",
                             "http://a:80@b:c/",
                             "http://[::1]x/",
                             "http://[::1]80/",
                             "http:///x",
                             "http://",
                             "http://:80/",
                             "http://u@/",
                             "http://*.a/"}) {
    EXPECT_FALSE(accepted(bad)) << bad;
  }
  EXPECT_FALSE(accepted("http://" + std::string(64, 'a') + "/"));
  EXPECT_TRUE(accepted("http://" + std::string(63, 'a') + "/"));
  std::string long_name;
  for (int i = 0; i < 60; ++i) long_name += "abcd.";
  EXPECT_FALSE(accepted("http://" + long_name + "e/"));
}

TEST(Url, RefusesOtherSchemesPortsAndBytes) {
  for (const ByteView bad : {"",
                             "a",
                             "//a/",
                             "ftp://a/",
                             "file:///etc/passwd",
                             "javascript:1",
                             "http:/a",
                             "http:a",
                             " http://a/",
                             "http://a/ ",
                             "http://a/\r\nX: y",
                             "http://a/\x7f",
                             "http://a/b c",
                             "http://a/\"",
                             "http://a/<b>",
                             "http://a/\\..",
                             "http://a/\xc3\xa9",
                             "http://a:/",
                             "http://a:0/",
                             "http://a:65536/",
                             "http://a:99999/",
                             "http://a:080/",
                             "http://a:-1/",
                             "http://a:8o/",
                             "http://a:80:80/",
                             "http://%zz@a/",
                             "http://u%3Av:p@a/"}) {
    EXPECT_FALSE(accepted(bad)) << bad;
  }
  EXPECT_FALSE(accepted(ByteView("http://a/\0", 10)));
  EXPECT_TRUE(accepted("http://a:65535/"));
  EXPECT_TRUE(accepted("http://a_b.c-d:1/{x}|^`~!$&'()*+,;=:@%zz"));
  const std::string longest = "http://a/" + std::string(kUrlBytesMax - 9, 'x');
  EXPECT_TRUE(accepted(longest));
  EXPECT_FALSE(accepted(longest + "x"));
}

TEST(Url, NeverRepeatsTheUrlInItsRefusal) {
  const auto refused = parse_url("http://user:hunter2@ho st/");
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().message.find("hunter2"), std::string::npos);
}

TEST(Url, DecodesPercent) {
  EXPECT_EQ(percent_decode("a%20b+c%00"), ByteView("a b+c\0", 6));
  EXPECT_EQ(percent_decode("a%20b+c", true), "a b c");
  for (const ByteView bad : {"%", "%1", "%g0", "%0g", "a%"}) {
    EXPECT_EQ(percent_decode(bad), std::nullopt) << bad;
  }
}

}  // namespace
}  // namespace posthorn::wire

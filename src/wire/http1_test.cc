#include "wire/http1.h"

#include <gtest/gtest.h>

namespace posthorn::wire {
namespace {

TEST(Http1, RendersHeads) {
  std::string out;
  append_request_line(out, HttpMethod::kPost, "/hook?a=b");
  append_header(out, "Content-Length", 12);
  end_head(out);
  append_status_line(out, 202);
  append_header(out, "X", "y");
  end_head(out);
  EXPECT_EQ(out,
            "POST /hook?a=b HTTP/1.1\r\nContent-Length: 12\r\n\r\n"
            "HTTP/1.1 202 Accepted\r\nX: y\r\n\r\n");
}

TEST(Http1, ChecksNamesAndValues) {
  EXPECT_TRUE(is_header_name("X-Custom_1"));
  for (const ByteView bad : {"", "a b", "a:", "a\r", "\xc3\xa9"}) EXPECT_FALSE(is_header_name(bad));
  EXPECT_FALSE(is_header_name(std::string(257, 'a')));
  EXPECT_TRUE(is_header_value("a \t caf\xc3\xa9 of more than sixteen bytes"));
  EXPECT_TRUE(is_header_value(""));
  for (size_t at = 0; at < 40; ++at) {
    for (const char bad : {'\0', '\r', '\n', '\x1f', '\x7f'}) {
      std::string value(40, 'x');
      value[at] = bad;
      EXPECT_FALSE(is_header_value(value)) << at;
    }
  }
}

TEST(Http1, MethodsRoundTrip) {
  for (const ByteView text : {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}) {
    EXPECT_EQ(http_method_text(http_method(text)), text);
  }
  EXPECT_EQ(http_method("get"), HttpMethod::kOther);
}

}  // namespace
}  // namespace posthorn::wire

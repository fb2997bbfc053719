#include "wire/http1_response.h"

#include <gtest/gtest.h>

namespace posthorn::wire {
namespace {

HttpParse parse(ResponseParser& parser, ByteView text) {
  parser.reset();
  return parser.parse(text);
}

ByteView refusal(ByteView text) {
  ResponseParser parser({});
  return parse(parser, text) == HttpParse::kError ? parser.error().reason : ByteView();
}

TEST(Http1Response, ReadsStatusFieldsAndFraming) {
  ResponseParser parser({});
  const ByteView text = "HTTP/1.1 202 Accepted\r\nContent-Length: 2\r\nRetry-After: 5\r\n\r\nok";
  ASSERT_EQ(parser.parse(text), HttpParse::kDone);
  EXPECT_EQ(parser.head().status, 202);
  EXPECT_EQ(parser.head().framing, BodyFraming::kLength);
  EXPECT_EQ(parser.head().content_length, 2u);
  EXPECT_TRUE(parser.head().keep_alive);
  EXPECT_EQ(parser.head().headers.find("retry-after"), "5");
  EXPECT_EQ(text.substr(parser.head().head_bytes), "ok");
}

TEST(Http1Response, NeedsMoreAtEverySplit) {
  const ByteView text = "HTTP/1.1 200 OK\r\nA: b\r\n\r\n";
  ResponseParser parser({});
  for (size_t size = 0; size < text.size(); ++size) {
    ASSERT_EQ(parser.parse(text.substr(0, size)), HttpParse::kNeedMore) << size;
  }
  EXPECT_EQ(parser.parse(text), HttpParse::kDone);
  EXPECT_EQ(parser.head().headers.size(), 1u);
}

TEST(Http1Response, FramesEachKindOfBody) {
  ResponseParser parser({});
  ASSERT_EQ(parse(parser, "HTTP/1.1 204 \r\n\r\n"), HttpParse::kDone);
  EXPECT_EQ(parser.head().framing, BodyFraming::kNone);
  EXPECT_TRUE(parser.head().keep_alive);
  ASSERT_EQ(parse(parser, "HTTP/1.1 304\r\nContent-Length: 9\r\n\r\n"), HttpParse::kDone);
  EXPECT_EQ(parser.head().framing, BodyFraming::kNone);
  ASSERT_EQ(parse(parser, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
            HttpParse::kDone);
  EXPECT_EQ(parser.head().framing, BodyFraming::kChunked);
  ASSERT_EQ(parse(parser, "HTTP/1.1 200 OK\r\n\r\n"), HttpParse::kDone);
  EXPECT_EQ(parser.head().framing, BodyFraming::kUntilClose);
  EXPECT_FALSE(parser.head().keep_alive);
  ASSERT_EQ(parse(parser, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"),
            HttpParse::kDone);
  EXPECT_FALSE(parser.head().keep_alive);
  ASSERT_EQ(parse(parser, "HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n"), HttpParse::kDone);
  EXPECT_FALSE(parser.head().keep_alive);
  parser.reset(/*to_head=*/true);
  ASSERT_EQ(parser.parse("HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n"), HttpParse::kDone);
  EXPECT_EQ(parser.head().framing, BodyFraming::kNone);
}

TEST(Http1Response, SkipsABoundedNumberOfInterimAnswers) {
  ResponseParser parser({});
  std::string text = "HTTP/1.1 100 Continue\r\nContent-Length: 7\r\n\r\n";
  for (int i = 0; i < 7; ++i) text += "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n";
  ASSERT_EQ(parse(parser, text + "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n"), HttpParse::kDone);
  EXPECT_EQ(parser.head().status, 200);
  EXPECT_EQ(parser.head().content_length, 3u);
  EXPECT_EQ(parser.head().headers.size(), 1u);
  text += "HTTP/1.1 103 Early Hints\r\n\r\n";
  EXPECT_EQ(refusal(text), "too many interim answers");
}

TEST(Http1Response, RefusesWhatIsNotAnUnambiguousAnswer) {
  const ByteView refused[] = {
      "<html>hello</html>",
      "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
      "HTTP/2 200\r\n\r\n",
      "HTTP/1.2 200 OK\r\n\r\n",
      "HTTP/1.1 2OO OK\r\n\r\n",
      "HTTP/1.1  200 OK\r\n\r\n",
      "HTTP/1.1 20\r\n\r\n",
      "HTTP/1.1 2000 OK\r\n\r\n",
      "HTTP/1.1 200 OK\n\n",
      "HTTP/1.1 099 Low\r\n\r\n",
      "HTTP/1.1 600 High\r\n\r\n",
      "HTTP/1.1 101 Switching Protocols\r\n\r\n",
      "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nhello",
      "HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n",
      "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n",
      "HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n",
      "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
      "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
      "HTTP/1.1 200 OK\r\nX: a\r\n b\r\n\r\n",
      "HTTP/1.1 200 OK\r\nX y: b\r\n\r\n",
      "HTTP/1.1 200 OK\r\nX: a\nY: b\r\n\r\n",
  };
  for (const ByteView text : refused) EXPECT_NE(refusal(text), "") << text;
}

TEST(Http1Response, CapsHeads) {
  EXPECT_NE(refusal("HTTP/1.1 200 " + std::string(70'000, 'x')), "");
  EXPECT_NE(refusal("HTTP/1.1 200 OK\r\nX: " + std::string(64 << 10, 'x') + "\r\n\r\n"), "");
  std::string many = "HTTP/1.1 200 OK\r\n";
  for (int i = 0; i < 10'000; ++i) many += "a: b\r\n";
  EXPECT_EQ(refusal(many + "\r\n"), "too many header fields");
}

}  // namespace
}  // namespace posthorn::wire

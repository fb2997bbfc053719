#include "wire/http1_request.h"

#include <gtest/gtest.h>

namespace posthorn::wire {
namespace {

constexpr ByteView kPost =
    "POST /api/v1/app/a/msg?x=1 HTTP/1.1\r\nHost: gw.example:8071\r\nUser-Agent: t/1\r\n"
    "Authorization: Bearer abc\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}";

std::string with_fields(ByteView fields) {
  return "POST / HTTP/1.1\r\nHost: a\r\n" + std::string(fields) + "\r\n";
}

// The status of the refusal; 0 when accepted, -1 when more bytes are wanted.
int verdict(ByteView request, const Http1Limits& limits = {}) {
  RequestParser parser(limits);
  switch (parser.parse(request)) {
    case HttpParse::kDone:
      return 0;
    case HttpParse::kNeedMore:
      return -1;
    case HttpParse::kError:
      EXPECT_FALSE(parser.error().reason.empty());
      return parser.error().status;
  }
  return -2;
}

TEST(Http1Request, ReadsLineFieldsAndFraming) {
  RequestParser parser({});
  ASSERT_EQ(parser.parse(kPost), HttpParse::kDone);
  const RequestHead& head = parser.head();
  EXPECT_EQ(head.method, HttpMethod::kPost);
  EXPECT_EQ(head.method_text(), "POST");
  EXPECT_EQ(head.target(), "/api/v1/app/a/msg?x=1");
  EXPECT_EQ(head.path(), "/api/v1/app/a/msg");
  EXPECT_EQ(head.query(), "x=1");
  EXPECT_EQ(head.framing, BodyFraming::kLength);
  EXPECT_EQ(head.content_length, 2u);
  EXPECT_TRUE(head.keep_alive);
  EXPECT_EQ(kPost.substr(head.head_bytes), "{}");
  EXPECT_EQ(head.headers.size(), 5u);
  EXPECT_EQ(head.headers.find("authorization"), "Bearer abc");
  EXPECT_EQ(head.headers.find("absent"), std::nullopt);
  EXPECT_EQ(head.headers[1].name, "User-Agent");
}

TEST(Http1Request, ReadsTheSameHeadAtEverySplitAndFromAMovedBuffer) {
  for (size_t cut = 0; cut < kPost.size() - 2; ++cut) {
    RequestParser parser({});
    const std::string first(kPost.substr(0, cut));
    ASSERT_EQ(parser.parse(first), HttpParse::kNeedMore) << cut;
    const std::string moved(kPost);
    ASSERT_EQ(parser.parse(moved), HttpParse::kDone);
    EXPECT_EQ(parser.head().path(), "/api/v1/app/a/msg");
    EXPECT_EQ(parser.head().headers.find("host"), "gw.example:8071");
    EXPECT_EQ(parser.head().headers.size(), 5u);
  }
}

TEST(Http1Request, ByteByByteIsTheSameAsWhole) {
  RequestParser parser({});
  for (size_t size = 0; size < kPost.size() - 2; ++size) {
    ASSERT_EQ(parser.parse(kPost.substr(0, size)), HttpParse::kNeedMore);
  }
  ASSERT_EQ(parser.parse(kPost), HttpParse::kDone);
  EXPECT_EQ(parser.head().content_length, 2u);
}

TEST(Http1Request, IsReusableAfterReset) {
  RequestParser parser({});
  ASSERT_EQ(parser.parse(kPost), HttpParse::kDone);
  parser.reset();
  ASSERT_EQ(parser.parse("GET /x HTTP/1.1\r\nHost: b\r\n\r\n"), HttpParse::kDone);
  EXPECT_EQ(parser.head().headers.size(), 1u);
  EXPECT_EQ(parser.head().framing, BodyFraming::kNone);
  EXPECT_EQ(parser.head().query(), "");
}

TEST(Http1Request, RefusesEverySmugglingForm) {
  const ByteView refused[] = {
      "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
      "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
      "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
      "Transfer-Encoding: chunked, identity\r\n",
      "Transfer-Encoding: identity, chunked\r\n",
      "Transfer-Encoding: identity\r\n",
      "Transfer-Encoding: gzip\r\n",
      "Transfer-Encoding: xchunked\r\n",
      "Transfer-Encoding: \"chunked\"\r\n",
      "Transfer-Encoding:\r\n",
      "Transfer-Encoding: chunked\r\n folded\r\n",
      "Transfer-Encoding:\r\n chunked\r\n",
      "Transfer-Encoding:\x0b"
      "chunked\r\n",
      "Transfer-Encoding : chunked\r\n",
      "Transfer-Encoding\t: chunked\r\n",
      " Transfer-Encoding: chunked\r\n",
      "Transfer-Encoding: chunked\n",
      "Content-Length: 5\nX: y\r\n",
      "Content-Length: 5\r\nContent-Length: 5\r\n",
      "Content-Length: 5\r\nContent-Length: 6\r\n",
      "Content-Length: 5, 5\r\n",
      "Content-Length: +5\r\n",
      "Content-Length: -5\r\n",
      "Content-Length: 0x5\r\n",
      "Content-Length: 5 5\r\n",
      "Content-Length: five\r\n",
      "Content-Length:\r\n",
      "Content-Length: 5\r\r\n",
      "X: a\rb\r\n",
      "X\r: y\r\n",
      ": empty\r\n",
      "no colon\r\n",
      "X y: z\r\n",
      "X(y): z\r\n",
      "Host: b\r\n",
      "Expect\x00: x\r\n",
  };
  for (const ByteView fields : refused) EXPECT_EQ(verdict(with_fields(fields)), 400) << fields;
  EXPECT_EQ(verdict(with_fields(ByteView("X: a\0b\r\n", 8))), 400);
  EXPECT_EQ(verdict(with_fields("X: \x7f\r\n")), 400);
  EXPECT_EQ(verdict(with_fields("Content-Length: 99999999999999999999\r\n")), 413);
  EXPECT_EQ(verdict(with_fields("Expect: 200-maybe\r\n")), 417);
}

TEST(Http1Request, RefusesBadRequestLines) {
  const ByteView refused[] = {
      "GET  / HTTP/1.1\r\n",
      "GET /\r\n",
      "GET / HTTP/1.1 \r\n",
      "GET / http/1.1\r\n",
      "GET / HTTP/1.1\n",
      "GET / HTTP/11\r\n",
      " GET / HTTP/1.1\r\n",
      "\nGET / HTTP/1.1\r\n",
      "\r\n\r\nGET / HTTP/1.1\r\n",
      "GET\t/ HTTP/1.1\r\n",
      "GET http://a/ HTTP/1.1\r\n",
      "GET * HTTP/1.1\r\n",
      "GET a HTTP/1.1\r\n",
      "CONNECT a:1 HTTP/1.1\r\n",
      "GET /#x HTTP/1.1\r\n",
      "GET /\xc3\xa9 HTTP/1.1\r\n",
      "GET /\x01 HTTP/1.1\r\n",
      "GE(T / HTTP/1.1\r\n",
      "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03",
      "GETTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTT",
  };
  for (const ByteView line : refused) {
    EXPECT_EQ(verdict(std::string(line) + "Host: a\r\n\r\n"), 400) << line;
  }
  EXPECT_EQ(verdict("GET / HTTP/2.0\r\nHost: a\r\n\r\n"), 505);
  EXPECT_EQ(verdict("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), 505);
}

TEST(Http1Request, AsksForAHostAndForAGoodOne) {
  EXPECT_EQ(verdict("GET / HTTP/1.1\r\n\r\n"), 400);
  EXPECT_EQ(verdict("GET / HTTP/1.1\r\nHost: \r\n\r\n"), 400);
  EXPECT_EQ(verdict("GET / HTTP/1.1\r\nHost: a b\r\n\r\n"), 400);
  EXPECT_EQ(verdict("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"), 400);
  EXPECT_EQ(verdict("GET / HTTP/1.1\r\nHost: a,b\r\n\r\n"), 400);
  EXPECT_EQ(verdict("GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n"), 0);
  EXPECT_EQ(verdict("GET / HTTP/1.0\r\n\r\n"), 0);
}

TEST(Http1Request, AcceptsWhatTheGrammarAllows) {
  EXPECT_EQ(verdict("\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"), 0);
  EXPECT_EQ(verdict("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n"), 0);
  EXPECT_EQ(verdict("PURGE /x HTTP/1.1\r\nHost: a\r\n\r\n"), 0);
  EXPECT_EQ(verdict(with_fields("X:\r\nY:   \t padded \t \r\nZ: caf\xc3\xa9\r\n")), 0);
  EXPECT_EQ(verdict(with_fields("transfer-encoding: CHUNKED\r\n")), 0);
  RequestParser parser({});
  const std::string request = with_fields("Y:   \t padded \t \r\n");
  ASSERT_EQ(parser.parse(request), HttpParse::kDone);
  EXPECT_EQ(parser.head().headers.find("y"), "padded");
}

TEST(Http1Request, KnowsWhatTheClientWantsOfTheConnection) {
  RequestParser parser({});
  ASSERT_EQ(parser.parse(with_fields("Connection: foo, Close\r\n")), HttpParse::kDone);
  EXPECT_FALSE(parser.head().keep_alive);
  parser.reset();
  ASSERT_EQ(parser.parse("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"), HttpParse::kDone);
  EXPECT_FALSE(parser.head().keep_alive);
  parser.reset();
  ASSERT_EQ(parser.parse(with_fields("Expect: 100-Continue\r\n")), HttpParse::kDone);
  EXPECT_TRUE(parser.head().expect_continue);
}

TEST(Http1Request, BoundsHeadsAndFieldCounts) {
  const Http1Limits small{.head_bytes = 64, .headers = 3};
  EXPECT_EQ(verdict("GET /" + std::string(80, 'x'), small), 414);
  EXPECT_EQ(verdict("GET / HTTP/1.1\r\nHost: a\r\nX: " + std::string(80, 'x'), small), 431);
  EXPECT_EQ(verdict("GET / HTTP/1.1\r\nHost: a\r\nX: " + std::string(80, 'x') + "\r\n\r\n", small),
            431);
  EXPECT_EQ(verdict("GET / HTTP/1.1\r\nHost: a\r\na: 1\r\nb: 2\r\n\r\n", small), 0);
  EXPECT_EQ(verdict("GET / HTTP/1.1\r\nHost: a\r\na: 1\r\nb: 2\r\nc: 3\r\n\r\n", small), 431);
  std::string many = "GET / HTTP/1.1\r\nHost: a\r\n";
  for (int i = 0; i < 10'000; ++i) many += "a: b\r\n";
  EXPECT_EQ(verdict(many), 431);
  EXPECT_EQ(verdict("GET / HTTP/1.1\r\nHost: a\r\nX: " + std::string(1 << 20, 'x')), 431);
}

}  // namespace
}  // namespace posthorn::wire

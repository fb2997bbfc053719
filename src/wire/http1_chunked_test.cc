#include "wire/http1_chunked.h"

#include <gtest/gtest.h>

namespace posthorn::wire {
namespace {

struct Decoded {
  ChunkedDecoder::Step step;
  std::string body;
  std::string rest;
};

// Feeds `text` in pieces of `piece` bytes.
Decoded decode(ByteView text, size_t piece, ChunkExtensions extensions) {
  ChunkedDecoder decoder;
  decoder.reset(extensions);
  Decoded out{ChunkedDecoder::Step::kNeedMore, {}, {}};
  while (!text.empty()) {
    ByteView in = text.substr(0, piece);
    const size_t given = in.size();
    ByteView data;
    while ((out.step = decoder.next(in, data)) == ChunkedDecoder::Step::kData) out.body += data;
    text.remove_prefix(given - in.size());
    if (out.step != ChunkedDecoder::Step::kNeedMore) break;
  }
  out.rest = text;
  return out;
}

Decoded decode(ByteView text, ChunkExtensions extensions = ChunkExtensions::kRefuse) {
  Decoded whole = decode(text, text.size() + 1, extensions);
  for (size_t piece = 1; piece < 6; ++piece) {
    const Decoded split = decode(text, piece, extensions);
    EXPECT_EQ(split.step, whole.step);
    EXPECT_EQ(split.body, whole.body);
  }
  return whole;
}

TEST(Http1Chunked, JoinsChunksAndStopsAtTheEnd) {
  const Decoded out = decode("5\r\nhello\r\n00A\r\n, world!!!\r\n0\r\n\r\nGET /next");
  EXPECT_EQ(out.step, ChunkedDecoder::Step::kDone);
  EXPECT_EQ(out.body, "hello, world!!!");
  EXPECT_EQ(out.rest, "GET /next");
}

TEST(Http1Chunked, DropsTrailers) {
  const Decoded out = decode("1\r\nx\r\n0\r\nA: b\r\nC:\r\n\r\n");
  EXPECT_EQ(out.step, ChunkedDecoder::Step::kDone);
  EXPECT_EQ(out.body, "x");
}

TEST(Http1Chunked, SkipsExtensionsOnlyWhereAllowed) {
  const ByteView text = "1;a=b;c\r\nx\r\n0;d\r\n\r\n";
  EXPECT_EQ(decode(text).step, ChunkedDecoder::Step::kError);
  const Decoded out = decode(text, ChunkExtensions::kSkip);
  EXPECT_EQ(out.step, ChunkedDecoder::Step::kDone);
  EXPECT_EQ(out.body, "x");
}

TEST(Http1Chunked, RefusesGarbage) {
  const ByteView refused[] = {
      "\r\nx",
      "x\r\n",
      "-1\r\n",
      "+1\r\n",
      "0x1\r\nx\r\n",
      "1 \r\nx\r\n",
      " 1\r\nx\r\n",
      "1\nx\r\n",
      "1\r\nxy\r\n",
      "1\r\nx\n",
      "1\r\r",
      "FFFFFFFFFFFFFFFFF\r\n",
      "0000000000000000000000000001\r\n",
      "0\r\nbad trailer\r\n\r\n",
      "0\r\n: x\r\n\r\n",
      "0\r\nA: \x01\r\n\r\n",
      "0\r\n\rx",
      "1;\x01\r\n",
  };
  for (const ByteView text : refused) {
    EXPECT_EQ(decode(text, ChunkExtensions::kSkip).step, ChunkedDecoder::Step::kError) << text;
  }
}

TEST(Http1Chunked, BoundsExtensionsAndTrailers) {
  const std::string long_text(5000, 'x');
  EXPECT_EQ(decode("1;" + long_text, ChunkExtensions::kSkip).step, ChunkedDecoder::Step::kError);
  EXPECT_EQ(decode("0\r\nA: " + long_text).step, ChunkedDecoder::Step::kError);
  std::string drip;
  for (int i = 0; i < 2000; ++i) drip += "1;ext\r\nx\r\n";
  EXPECT_EQ(decode(drip, ChunkExtensions::kSkip).step, ChunkedDecoder::Step::kError);
}

TEST(Http1Chunked, TellsAHugeChunkBeforeItsBytesCome) {
  ChunkedDecoder decoder;
  decoder.reset(ChunkExtensions::kRefuse);
  ByteView in = "FFFFFFFFFF\r\n";
  ByteView data;
  EXPECT_EQ(decoder.next(in, data), ChunkedDecoder::Step::kNeedMore);
  EXPECT_EQ(decoder.announced(), 0xFFFFFFFFFFu);
}

}  // namespace
}  // namespace posthorn::wire

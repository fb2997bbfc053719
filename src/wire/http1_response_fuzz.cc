// One answer, whole and in pieces: both readings must agree on status, framing and fields.
#include "wire/http1_chunked.h"
#include "wire/http1_response.h"

namespace posthorn::wire {
namespace {

std::string summary(ResponseParser& parser, HttpParse result) {
  if (result != HttpParse::kDone) return result == HttpParse::kError ? "error" : "more";
  const ResponseHead& head = parser.head();
  if (head.status < 200 || head.status > 599) __builtin_trap();
  std::string text = std::to_string(head.status) + (head.keep_alive ? "k" : "c") +
                     std::to_string(static_cast<int>(head.framing)) + "," +
                     std::to_string(head.content_length) + "," + std::to_string(head.head_bytes);
  for (size_t i = 0; i < head.headers.size(); ++i) {
    text.append("\n").append(head.headers[i].name).append("=").append(head.headers[i].value);
  }
  return text;
}

}  // namespace
}  // namespace posthorn::wire

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace posthorn::wire;  // NOLINT
  const posthorn::ByteView input(reinterpret_cast<const char*>(data), size);
  ResponseParser whole({});
  const std::string expected = summary(whole, whole.parse(input));
  for (const size_t piece : {1u, 5u, 50u}) {
    if (size / piece > 2000) continue;
    ResponseParser split({});
    HttpParse result = HttpParse::kNeedMore;
    for (size_t end = 0; result == HttpParse::kNeedMore && end < size;) {
      end = std::min(end + piece, size);
      result = split.parse(input.substr(0, end));
    }
    if (summary(split, result) != expected && size > 0) __builtin_trap();
  }
  if (expected == "more" || expected == "error") return 0;
  ChunkedDecoder decoder;
  decoder.reset(ChunkExtensions::kSkip);
  posthorn::ByteView in = input.substr(whole.head().head_bytes);
  posthorn::ByteView piece;
  while (decoder.next(in, piece) == ChunkedDecoder::Step::kData) {
    if (piece.empty()) __builtin_trap();
  }
  return 0;
}

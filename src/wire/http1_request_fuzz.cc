// One request, whole and in pieces: both readings must agree, and views stay inside the input.
#include "wire/http1_chunked.h"
#include "wire/http1_request.h"

namespace posthorn::wire {
namespace {

void inside(ByteView outer, ByteView inner) {
  const bool in = inner.empty() || (inner.data() >= outer.data() &&
                                    inner.data() + inner.size() <= outer.data() + outer.size());
  if (!in) __builtin_trap();
}

std::string summary(RequestParser& parser, HttpParse result, ByteView input) {
  if (result != HttpParse::kDone) return result == HttpParse::kError ? "error" : "more";
  const RequestHead& head = parser.head();
  std::string text(head.method_text());
  text.append(" ").append(head.path()).append("?").append(head.query());
  inside(input, head.target());
  for (size_t i = 0; i < head.headers.size(); ++i) {
    inside(input, head.headers[i].value);
    if (!is_header_value(head.headers[i].value)) __builtin_trap();
    text.append("\n").append(head.headers[i].name).append("=").append(head.headers[i].value);
  }
  text += std::to_string(head.content_length) + std::to_string(head.head_bytes) +
          std::to_string(static_cast<int>(head.framing));
  return text;
}

std::string decode(ByteView body, size_t piece) {
  ChunkedDecoder decoder;
  decoder.reset(ChunkExtensions::kRefuse);
  std::string out;
  while (!body.empty()) {
    ByteView in = body.substr(0, piece);
    const size_t given = in.size();
    ByteView data;
    ChunkedDecoder::Step step = ChunkedDecoder::Step::kNeedMore;
    while ((step = decoder.next(in, data)) == ChunkedDecoder::Step::kData) out += data;
    body.remove_prefix(given - in.size());
    if (step == ChunkedDecoder::Step::kDone) return out + "|" + std::string(body);
    if (step == ChunkedDecoder::Step::kError) return out + "|error";
  }
  return out;
}

}  // namespace
}  // namespace posthorn::wire

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace posthorn::wire;  // NOLINT
  const posthorn::ByteView input(reinterpret_cast<const char*>(data), size);
  RequestParser whole({});
  const std::string expected = summary(whole, whole.parse(input), input);
  for (const size_t piece : {1u, 7u, 64u}) {
    if (size / piece > 2000) continue;
    RequestParser split({});
    HttpParse result = HttpParse::kNeedMore;
    for (size_t end = 0; result == HttpParse::kNeedMore && end < size;) {
      end = std::min(end + piece, size);
      result = split.parse(input.substr(0, end));
    }
    if (summary(split, result, input) != expected && size > 0) __builtin_trap();
  }
  if (expected != "more" && expected != "error" && whole.head().framing == BodyFraming::kChunked) {
    const posthorn::ByteView body = input.substr(whole.head().head_bytes);
    if (decode(body, 3) != decode(body, body.size() + 1)) __builtin_trap();
  }
  return 0;
}

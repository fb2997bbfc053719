// Response heads: the status line, interim answers, and the framing of the body.
#include "wire/http1_response.h"

#include "base/check.h"

namespace posthorn::wire {
namespace {

constexpr size_t kStatusBytes = 12;  // "HTTP/1.1 200"
constexpr int kBadGateway = 502;     // every broken answer is one kind of failure

bool is_digit(char c) { return c >= '0' && c <= '9'; }

}  // namespace

ResponseParser::ResponseParser(const Http1Limits& limits) : limits_(limits), fields_(limits) {
  CHECK(limits.head_bytes <= UINT16_MAX);
}

void ResponseParser::reset(bool to_head) {
  fields_.reset();
  head_.headers.clear();
  at_ = 0;
  interim_ = 0;
  line_done_ = false;
  to_head_ = to_head;
}

HttpParse ResponseParser::fail(ByteView reason) {
  error_ = {kBadGateway, reason};
  return HttpParse::kError;
}

HttpParse ResponseParser::parse(ByteView buffer) {
  head_.headers.rebase(buffer.data());
  while (true) {
    if (!line_done_) {
      const HttpParse line = status_line(buffer);
      if (line != HttpParse::kDone) return line;
      line_done_ = true;
    }
    const HttpParse fields = fields_.parse(buffer, at_, head_.headers);
    if (fields == HttpParse::kError) return fail(fields_.error().reason);
    if (fields != HttpParse::kDone) return fields;
    if (head_.status >= 200) return finish();
    if (head_.status == 101) return fail("switched protocols unasked");
    if (++interim_ > kInterimMax) return fail("too many interim answers");
    fields_.reset();
    head_.headers.clear();
    line_done_ = false;
  }
}

HttpParse ResponseParser::status_line(ByteView buffer) {
  const ByteView line = buffer.substr(at_);
  // Compared byte by byte as it comes: an answer that is not HTTP/1.x fails at its first bytes.
  static constexpr ByteView kShape = "HTTP/1.d ddd";
  for (size_t i = 0; i < std::min(line.size(), kStatusBytes); ++i) {
    if (kShape[i] == 'd' ? !is_digit(line[i]) : line[i] != kShape[i])
      return fail("bad status line");
  }
  if (line.size() < kStatusBytes) return HttpParse::kNeedMore;
  const char* const end = line.data() + line.size();
  const char* const stop = find_control(line.data() + kStatusBytes, end);
  const size_t line_end = at_ + static_cast<size_t>(stop - line.data()) + 2;
  if (line_end > limits_.head_bytes) return fail("status line too long");
  if (end - stop < 2 && (stop == end || *stop == '\r')) return HttpParse::kNeedMore;
  if (stop[0] != '\r' || stop[1] != '\n') return fail("bad end of the status line");
  if (line[kStatusBytes] != '\r' && line[kStatusBytes] != ' ') return fail("bad status line");
  if (line[7] > '1') return fail("bad HTTP version");
  http_1_0_ = line[7] == '0';
  head_.status = (line[9] - '0') * 100 + (line[10] - '0') * 10 + (line[11] - '0');
  if (head_.status < 100 || head_.status > 599) return fail("bad status code");
  at_ = line_end;
  return HttpParse::kDone;
}

HttpParse ResponseParser::finish() {
  const FieldFacts& facts = fields_.facts();
  head_.head_bytes = at_;
  head_.content_length = facts.content_length;
  if (facts.transfer_encodings > 0 && facts.content_lengths > 0) {
    return fail("Content-Length and Transfer-Encoding");
  }
  if (facts.transfer_encodings > 0 && http_1_0_) return fail("Transfer-Encoding in HTTP/1.0");
  const bool announced = facts.transfer_encodings > 0 || facts.content_length > 0;
  if (head_.status == 204 && announced) return fail("204 with a body");
  if (to_head_ || head_.status == 204 || head_.status == 304) {
    head_.framing = BodyFraming::kNone;
  } else if (facts.transfer_encodings > 0) {
    head_.framing = BodyFraming::kChunked;
  } else if (facts.content_lengths > 0) {
    head_.framing = facts.content_length > 0 ? BodyFraming::kLength : BodyFraming::kNone;
  } else {
    head_.framing = BodyFraming::kUntilClose;
  }
  head_.keep_alive =
      head_.framing != BodyFraming::kUntilClose && !facts.close && (!http_1_0_ || facts.keep_alive);
  return HttpParse::kDone;
}

}  // namespace posthorn::wire

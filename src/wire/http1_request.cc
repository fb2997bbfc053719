// Request heads: the request line, then the rules that need all fields.
#include "wire/http1_request.h"

#include "base/check.h"

namespace posthorn::wire {
namespace {

constexpr size_t kMethodBytesMax = 32;

// Visible ASCII apart from '#', which a client must not send.
bool is_target(ByteView text) {
  for (const char c : text) {
    if (c <= ' ' || c == 0x7F || c == '#') return false;  // bytes above 127 are negative
  }
  return true;
}

}  // namespace

ByteView RequestHead::query() const {
  return path_bytes < target_bytes ? target().substr(path_bytes + 1u) : ByteView();
}

RequestParser::RequestParser(const Http1Limits& limits) : limits_(limits), fields_(limits) {
  CHECK(limits.head_bytes <= UINT16_MAX);
}

void RequestParser::reset() {
  fields_.reset();
  head_.headers.clear();
  head_.framing = BodyFraming::kNone;
  head_.content_length = 0;
  at_ = 0;
  line_done_ = false;
  http_1_0_ = false;
}

HttpParse RequestParser::fail(int status, ByteView reason) {
  error_ = {status, reason};
  return HttpParse::kError;
}

HttpParse RequestParser::parse(ByteView buffer) {
  head_.rebase(buffer.data());
  if (!line_done_) {
    const HttpParse line = request_line(buffer);
    if (line != HttpParse::kDone) return line;
    line_done_ = true;
  }
  const HttpParse fields = fields_.parse(buffer, at_, head_.headers);
  if (fields == HttpParse::kError) error_ = fields_.error();
  if (fields != HttpParse::kDone) return fields;
  head_.head_bytes = at_;
  return finish();
}

HttpParse RequestParser::request_line(ByteView buffer) {
  // One empty line before the request is skipped: some clients end a body with a stray CRLF.
  size_t start = 0;
  if (!buffer.empty() && buffer[0] == '\r') {
    if (buffer.size() < 2) return HttpParse::kNeedMore;
    if (buffer[1] != '\n') return fail(400, "CR without LF");
    start = 2;
  }
  const char* const begin = buffer.data() + start;
  const char* const end = buffer.data() + buffer.size();
  const char* at = begin;
  while (at < end && is_token_char(*at)) ++at;
  const auto method_bytes = static_cast<size_t>(at - begin);
  if (method_bytes > kMethodBytesMax) return fail(400, "method too long");
  if (at == end) return HttpParse::kNeedMore;
  if (*at != ' ' || method_bytes == 0) return fail(400, "bad request line");
  const char* const stop = find_control(at, end);
  const auto line_bytes = static_cast<size_t>(stop - buffer.data()) + 2;
  if (line_bytes > limits_.head_bytes) return fail(414, "request line too long");
  if (end - stop < 2 && (stop == end || *stop == '\r')) return HttpParse::kNeedMore;
  if (stop[0] != '\r' || stop[1] != '\n') return fail(400, "bad end of the request line");

  const ByteView rest(at + 1, static_cast<size_t>(stop - at - 1));
  const size_t space = rest.find(' ');
  if (space == ByteView::npos) return fail(400, "bad request line");
  head_.method_at = static_cast<uint16_t>(start);
  head_.method = http_method({begin, method_bytes});
  head_.method_bytes = static_cast<uint16_t>(method_bytes);
  head_.target_at = static_cast<uint16_t>(rest.data() - buffer.data());
  if (version(rest.substr(space + 1)) == HttpParse::kError) return HttpParse::kError;
  if (!target(rest.substr(0, space))) return fail(400, "bad request target");
  at_ = line_bytes;
  return HttpParse::kDone;
}

HttpParse RequestParser::version(ByteView text) {
  http_1_0_ = text == "HTTP/1.0";
  if (http_1_0_ || text == "HTTP/1.1") return HttpParse::kDone;
  const bool other = text.size() == 8 && text.starts_with("HTTP/") && text[6] == '.' &&
                     text[5] >= '0' && text[5] <= '9' && text[7] >= '0' && text[7] <= '9';
  return other ? fail(505, "HTTP version not supported") : fail(400, "bad request line");
}

bool RequestParser::target(ByteView text) {
  const bool asterisk = text == "*" && head_.method == HttpMethod::kOptions;
  if (!asterisk && (!text.starts_with('/') || !is_target(text))) return false;
  head_.target_bytes = static_cast<uint16_t>(text.size());
  head_.path_bytes = static_cast<uint16_t>(std::min(text.find('?'), text.size()));
  return true;
}

HttpParse RequestParser::finish() {
  const FieldFacts& facts = fields_.facts();
  if (facts.hosts == 0 && !http_1_0_) return fail(400, "no Host");
  if (facts.transfer_encodings > 0) {
    if (facts.content_lengths > 0) return fail(400, "Content-Length and Transfer-Encoding");
    if (http_1_0_) return fail(400, "Transfer-Encoding in HTTP/1.0");
    head_.framing = BodyFraming::kChunked;
  } else if (facts.content_length > 0) {
    head_.framing = BodyFraming::kLength;
    head_.content_length = facts.content_length;
  }
  if (facts.expect_other) return fail(417, "unknown Expect");
  head_.expect_continue = facts.expect_continue && !http_1_0_;
  head_.keep_alive = !facts.close && !http_1_0_;
  return HttpParse::kDone;
}

}  // namespace posthorn::wire

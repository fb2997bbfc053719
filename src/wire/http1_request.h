// Parser of HTTP/1.1 request heads, for the server. Strict: whatever two readers could understand
// differently is refused, and the connection with it. Fuzzed by http1_request_fuzz.cc.
#pragma once
#include "wire/http1.h"
#include "wire/http1_lines.h"

namespace posthorn::wire {

// Views point into the buffer given to parse(); after the buffer moved, rebase() them.
struct RequestHead {
  HttpMethod method = HttpMethod::kOther;
  HeaderList headers;
  BodyFraming framing = BodyFraming::kNone;
  uint64_t content_length = 0;
  bool keep_alive = false;  // what the client asked for: HTTP/1.1 without `close`, never HTTP/1.0
  bool expect_continue = false;
  size_t head_bytes = 0;  // the body starts here

  ByteView method_text() const { return view(method_at, method_bytes); }
  ByteView target() const { return view(target_at, target_bytes); }
  ByteView path() const { return view(target_at, path_bytes); }
  // Behind the question mark; empty when there is none.
  ByteView query() const;
  void rebase(const char* base) { headers.rebase(base); }

  uint16_t method_at = 0, method_bytes = 0, target_at = 0, target_bytes = 0, path_bytes = 0;

 private:
  ByteView view(size_t at, size_t bytes) const { return {headers.base() + at, bytes}; }
};

// One request head at a time, incremental: lines that are complete are not read again.
class RequestParser {
 public:
  explicit RequestParser(const Http1Limits& limits);

  // `buffer` starts at the first byte of the request and holds everything read so far; it may have
  // moved since the last call. After kDone head() is filled; after kError the connection is lost.
  HttpParse parse(ByteView buffer);
  RequestHead& head() { return head_; }
  const HttpError& error() const { return error_; }
  // Before the next request.
  void reset();

 private:
  HttpParse request_line(ByteView buffer);
  HttpParse fail(int status, ByteView reason);
  HttpParse version(ByteView text);
  bool target(ByteView text);
  HttpParse finish();

  Http1Limits limits_;
  FieldsParser fields_;
  RequestHead head_;
  HttpError error_;
  size_t at_ = 0;
  bool line_done_ = false;
  bool http_1_0_ = false;
};

}  // namespace posthorn::wire

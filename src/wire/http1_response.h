// Parser of HTTP/1.1 response heads, for deliveries: everything a receiver sends is hostile. Fuzzed
// by http1_response_fuzz.cc.
#pragma once
#include "wire/http1.h"
#include "wire/http1_lines.h"

namespace posthorn::wire {

// Views point into the buffer given to parse().
struct ResponseHead {
  int status = 0;
  HeaderList headers;
  BodyFraming framing = BodyFraming::kNone;
  uint64_t content_length = 0;
  bool keep_alive = false;
  size_t head_bytes = 0;  // the body starts here; interim answers before the head are counted in
};

// One response head; interim answers (1xx) in front of it are skipped, a bounded number of them.
// 101 is an error (nothing was offered), so is a body announced with 204.
class ResponseParser {
 public:
  static constexpr size_t kInterimMax = 8;
  explicit ResponseParser(const Http1Limits& limits);

  // `buffer` starts at the first byte of the answer and holds everything read so far; it may have
  // moved. `limits.head_bytes` covers the interim answers too.
  HttpParse parse(ByteView buffer);
  ResponseHead& head() { return head_; }
  const HttpError& error() const { return error_; }
  // Before the next exchange. `to_head`: the request was HEAD, so no body follows.
  void reset(bool to_head = false);

 private:
  HttpParse status_line(ByteView buffer);
  HttpParse fail(ByteView reason);
  HttpParse finish();

  Http1Limits limits_;
  FieldsParser fields_;
  ResponseHead head_;
  HttpError error_;
  size_t at_ = 0;
  size_t interim_ = 0;
  bool line_done_ = false;
  bool http_1_0_ = false;
  bool to_head_ = false;
};

}  // namespace posthorn::wire

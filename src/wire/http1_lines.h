// The lines of an HTTP/1.1 head: scanning, field syntax, and the fields that decide framing. Used
// by the request, response and chunk parsers only; strict, because a lenient reading is what
// request smuggling lives from.
#pragma once
#include "wire/http1.h"

namespace posthorn::wire {

// The first byte in [at, end) that a line may not contain: a control byte other than a tab, or
// DEL. `end` when there is none.
const char* find_control(const char* at, const char* end);
bool is_token_char(char c);

// What the fields of one head say about framing and the connection. Collected while parsing;
// judged by finish_request or finish_response in their parsers.
struct FieldFacts {
  uint64_t content_length = 0;
  uint16_t content_lengths = 0;
  uint16_t transfer_encodings = 0;
  uint16_t hosts = 0;
  bool close = false;
  bool keep_alive = false;
  bool expect_continue = false;
  bool expect_other = false;
};

// Parses one field line starting at `at`. kDone: `at` is behind its line end; an empty line sets
// `end_of_head`. kError sets `error`. kNeedMore leaves `at` where it was.
struct FieldLine {
  size_t at = 0;
  bool end_of_head = false;
  ByteView name;
  ByteView value;
  HttpError error;
};
HttpParse parse_field_line(ByteView buffer, FieldLine& line);

// Takes note of a field. False with `error` set when its value breaks the rules.
bool note_field(ByteView name, ByteView value, FieldFacts& facts, HttpError& error);

// Parses all field lines from `at` up to the empty line, into `headers` and `facts`.
class FieldsParser {
 public:
  explicit FieldsParser(const Http1Limits& limits) : limits_(limits) {}
  HttpParse parse(ByteView buffer, size_t& at, HeaderList& headers);
  const FieldFacts& facts() const { return facts_; }
  const HttpError& error() const { return error_; }
  void reset() { facts_ = {}; }

 private:
  Http1Limits limits_;
  FieldFacts facts_;
  HttpError error_;
};

}  // namespace posthorn::wire

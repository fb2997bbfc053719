// What HTTP/1.1 requests and responses share: methods, limits, header fields as offsets into the
// read buffer, body framing, and rendering of heads. The parsers are http1_request.h,
// http1_response.h and http1_chunked.h.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"

namespace posthorn::wire {

enum class HttpMethod : uint8_t { kGet, kHead, kPost, kPut, kPatch, kDelete, kOptions, kOther };

// kOther for every token that is not in the list; methods are case-sensitive.
HttpMethod http_method(ByteView text);
ByteView http_method_text(HttpMethod method);

struct Http1Limits {
  size_t head_bytes = 16 * 1024;  // request or status line and all fields; at most 65535
  size_t headers = 100;
};

enum class HttpParse : uint8_t { kNeedMore, kDone, kError };

// `status` is what a server answers; `reason` is a literal that says what was wrong.
struct HttpError {
  int status = 0;
  ByteView reason;
};

enum class BodyFraming : uint8_t { kNone, kLength, kChunked, kUntilClose };

struct HttpField {
  ByteView name;  // as sent
  ByteView value;
};

// The fields of one head. Kept as offsets, so that the buffer may move: rebase() and go on.
class HeaderList {
 public:
  size_t size() const { return slots_.size(); }
  HttpField operator[](size_t index) const;
  // The value of the first field of that name (given in lower case), if there is one.
  std::optional<ByteView> find(ByteView lower_name) const;
  // The buffer that the head lies in has moved to `base`.
  void rebase(const char* base) { base_ = base; }
  const char* base() const { return base_; }

  // For the parsers: `name` and `value` lie within 64 KiB behind the base.
  void clear() { slots_.clear(); }
  void add(ByteView name, ByteView value);

 private:
  struct Slot {
    uint16_t name_at, name_bytes, value_at, value_bytes;
  };
  const char* base_ = nullptr;
  std::vector<Slot> slots_;
};

// True when the texts are equal apart from the case of ASCII letters; `lower` is in lower case.
bool equals_lower(ByteView text, ByteView lower);

// A token (RFC 9110): what a field name may be. At most 256 bytes.
bool is_header_name(ByteView name);
// Visible characters, spaces, tabs and bytes above 127: what a field value may be.
bool is_header_value(ByteView value);

// The reason phrase of a status code; "Unknown" for codes that are not registered.
ByteView http_reason(int status);

// Rendering into a buffer that the caller reuses. Names and values must have passed the checks
// above. A head ends with end_head().
void append_request_line(std::string& out, HttpMethod method, ByteView target);
void append_status_line(std::string& out, int status);
void append_header(std::string& out, ByteView name, ByteView value);
void append_header(std::string& out, ByteView name, uint64_t value);
inline void end_head(std::string& out) { out.append("\r\n", 2); }

}  // namespace posthorn::wire

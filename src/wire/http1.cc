// Methods, header lists and rendering of HTTP/1.1 heads.
#include "wire/http1.h"

#include <charconv>

#include "base/check.h"
#include "wire/http1_lines.h"

namespace posthorn::wire {
namespace {

constexpr size_t kNameBytesMax = 256;

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; }

}  // namespace

HttpMethod http_method(ByteView text) {
  if (text == "POST") return HttpMethod::kPost;
  if (text == "GET") return HttpMethod::kGet;
  if (text == "PUT") return HttpMethod::kPut;
  if (text == "PATCH") return HttpMethod::kPatch;
  if (text == "DELETE") return HttpMethod::kDelete;
  if (text == "HEAD") return HttpMethod::kHead;
  if (text == "OPTIONS") return HttpMethod::kOptions;
  return HttpMethod::kOther;
}

ByteView http_method_text(HttpMethod method) {
  switch (method) {
    case HttpMethod::kGet:
      return "GET";
    case HttpMethod::kHead:
      return "HEAD";
    case HttpMethod::kPost:
      return "POST";
    case HttpMethod::kPut:
      return "PUT";
    case HttpMethod::kPatch:
      return "PATCH";
    case HttpMethod::kDelete:
      return "DELETE";
    case HttpMethod::kOptions:
      return "OPTIONS";
    case HttpMethod::kOther:
      break;
  }
  return "OTHER";
}

HttpField HeaderList::operator[](size_t index) const {
  const Slot& slot = slots_[index];
  return {ByteView(base_ + slot.name_at, slot.name_bytes),
          ByteView(base_ + slot.value_at, slot.value_bytes)};
}

std::optional<ByteView> HeaderList::find(ByteView lower_name) const {
  for (const Slot& slot : slots_) {
    if (slot.name_bytes != lower_name.size()) continue;
    if (!equals_lower({base_ + slot.name_at, slot.name_bytes}, lower_name)) continue;
    return ByteView(base_ + slot.value_at, slot.value_bytes);
  }
  return std::nullopt;
}

void HeaderList::add(ByteView name, ByteView value) {
  const auto name_at = static_cast<size_t>(name.data() - base_);
  const auto value_at = static_cast<size_t>(value.data() - base_);
  CHECK(name_at <= UINT16_MAX && value_at + value.size() <= UINT16_MAX);
  slots_.push_back({static_cast<uint16_t>(name_at), static_cast<uint16_t>(name.size()),
                    static_cast<uint16_t>(value_at), static_cast<uint16_t>(value.size())});
}

bool equals_lower(ByteView text, ByteView lower_text) {
  if (text.size() != lower_text.size()) return false;
  for (size_t i = 0; i < text.size(); ++i) {
    if (lower(text[i]) != lower_text[i]) return false;
  }
  return true;
}

bool is_header_name(ByteView name) {
  if (name.empty() || name.size() > kNameBytesMax) return false;
  for (const char c : name) {
    if (!is_token_char(c)) return false;
  }
  return true;
}

bool is_header_value(ByteView value) {
  const char* end = value.data() + value.size();
  return find_control(value.data(), end) == end;
}

ByteView http_reason(int status) {
  struct Row {
    int status;
    ByteView reason;
  };
  static constexpr Row kRows[] = {
      {200, "OK"},
      {201, "Created"},
      {202, "Accepted"},
      {204, "No Content"},
      {304, "Not Modified"},
      {400, "Bad Request"},
      {401, "Unauthorized"},
      {403, "Forbidden"},
      {404, "Not Found"},
      {405, "Method Not Allowed"},
      {408, "Request Timeout"},
      {409, "Conflict"},
      {410, "Gone"},
      {411, "Length Required"},
      {413, "Content Too Large"},
      {414, "URI Too Long"},
      {415, "Unsupported Media Type"},
      {417, "Expectation Failed"},
      {422, "Unprocessable Content"},
      {429, "Too Many Requests"},
      {431, "Request Header Fields Too Large"},
      {500, "Internal Server Error"},
      {501, "Not Implemented"},
      {502, "Bad Gateway"},
      {503, "Service Unavailable"},
      {504, "Gateway Timeout"},
      {505, "HTTP Version Not Supported"},
      {507, "Insufficient Storage"},
  };
  for (const Row& row : kRows) {
    if (row.status == status) return row.reason;
  }
  return "Unknown";
}

void append_request_line(std::string& out, HttpMethod method, ByteView target) {
  out.append(http_method_text(method)).push_back(' ');
  out.append(target).append(" HTTP/1.1\r\n");
}

void append_status_line(std::string& out, int status) {
  CHECK(status >= 100 && status <= 599, "{}", status);
  const char digits[] = {static_cast<char>('0' + status / 100),
                         static_cast<char>('0' + status / 10 % 10),
                         static_cast<char>('0' + status % 10), ' '};
  out.append("HTTP/1.1 ").append(digits, sizeof digits).append(http_reason(status)).append("\r\n");
}

void append_header(std::string& out, ByteView name, ByteView value) {
  out.append(name).append(": ", 2).append(value).append("\r\n", 2);
}

void append_header(std::string& out, ByteView name, uint64_t value) {
  char digits[20];
  const auto end = std::to_chars(digits, digits + sizeof digits, value).ptr;
  append_header(out, name, ByteView(digits, static_cast<size_t>(end - digits)));
}

}  // namespace posthorn::wire

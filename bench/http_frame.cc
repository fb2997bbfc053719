// pure: message framing for the benchmark programs, one pass over the lines of the head.
#include "http_frame.h"

#include <strings.h>

#include <cstdint>
#include <cstring>

namespace posthorn::bench {
namespace {

constexpr std::string_view kContentLength = "content-length:";
constexpr std::string_view kTransferEncoding = "transfer-encoding:";
constexpr size_t kBodyBytesMax = 64U << 20U;

bool has_name(std::string_view line, std::string_view name) {
  return line.size() > name.size() && strncasecmp(line.data(), name.data(), name.size()) == 0;
}

bool parse_length(std::string_view text, size_t* out) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  size_t value = 0;
  if (text.empty()) return false;
  for (const char c : text) {
    if (c < '0' || c > '9') return false;
    value = value * 10 + static_cast<size_t>(c - '0');
    if (value > kBodyBytesMax) return false;
  }
  *out = value;
  return true;
}

}  // namespace

FrameState frame_message(std::string_view in, HttpFrame* out) {
  size_t body_bytes = 0;
  size_t at = 0;
  while (true) {
    const void* newline = std::memchr(in.data() + at, '\n', in.size() - at);
    if (newline == nullptr) return FrameState::kIncomplete;
    const size_t end = static_cast<size_t>(static_cast<const char*>(newline) - in.data());
    if (end == at || in[end - 1] != '\r') return FrameState::kBroken;
    const std::string_view line = in.substr(at, end - 1 - at);
    at = end + 1;
    if (line.empty()) break;
    const char first = static_cast<char>(line.front() | 0x20);
    if (first == 'c' && has_name(line, kContentLength)) {
      if (!parse_length(line.substr(kContentLength.size()), &body_bytes))
        return FrameState::kBroken;
    } else if (first == 't' && has_name(line, kTransferEncoding)) {
      return FrameState::kBroken;
    }
  }
  if (in.size() - at < body_bytes) return FrameState::kIncomplete;
  out->head = in.substr(0, at);
  out->body = in.substr(at, body_bytes);
  return FrameState::kComplete;
}

int status_of(std::string_view head) {
  if (head.size() < 12 || !head.starts_with("HTTP/1.")) return 0;
  int status = 0;
  for (const char c : head.substr(9, 3)) {
    if (c < '0' || c > '9') return 0;
    status = status * 10 + (c - '0');
  }
  return status;
}

std::string_view target_of(std::string_view head) {
  const size_t start = head.find(' ');
  if (start == std::string_view::npos) return {};
  const size_t end = head.find(' ', start + 1);
  if (end == std::string_view::npos) return {};
  return head.substr(start + 1, end - start - 1);
}

}  // namespace posthorn::bench

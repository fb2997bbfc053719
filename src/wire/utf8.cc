// UTF-8 validation by simdjson; the rest is rare and plain.
#include "wire/utf8.h"

#include <simdjson.h>

namespace posthorn::wire {
namespace {

constexpr size_t kSequenceMax = 4;
constexpr ByteView kReplacement = "\xEF\xBF\xBD";

// The size of the valid sequence at the front of `text`; 0 when there is none.
size_t sequence_size(ByteView text) {
  for (size_t size = 1; size <= std::min(kSequenceMax, text.size()); ++size) {
    if (is_utf8(text.substr(0, size))) return size;
  }
  return 0;
}

}  // namespace

bool is_utf8(ByteView text) { return simdjson::validate_utf8(text.data(), text.size()); }

void append_repaired(std::string& out, ByteView text) {
  if (is_utf8(text)) {
    out.append(text);
    return;
  }
  while (!text.empty()) {
    const size_t size = static_cast<uint8_t>(text[0]) < 0x80 ? 1 : sequence_size(text);
    out.append(size > 0 ? text.substr(0, size) : kReplacement);
    text.remove_prefix(std::max<size_t>(size, 1));
  }
}

void append_code_point(std::string& out, uint32_t code_point) {
  const auto put = [&out](uint32_t byte) { out.push_back(static_cast<char>(byte)); };
  if (code_point < 0x80) {
    put(code_point);
  } else if (code_point < 0x800) {
    put(0xC0 | code_point >> 6);
    put(0x80 | (code_point & 0x3F));
  } else if (code_point < 0x10000) {
    put(0xE0 | code_point >> 12);
    put(0x80 | (code_point >> 6 & 0x3F));
    put(0x80 | (code_point & 0x3F));
  } else {
    put(0xF0 | code_point >> 18);
    put(0x80 | (code_point >> 12 & 0x3F));
    put(0x80 | (code_point >> 6 & 0x3F));
    put(0x80 | (code_point & 0x3F));
  }
}

ByteView utf8_prefix(ByteView text, size_t bytes_max) {
  if (text.size() <= bytes_max) return text;
  size_t end = bytes_max;
  // Continuation bytes at the cut belong to a sequence that starts before it.
  while (end > 0 && bytes_max - end < kSequenceMax && (text[end] & 0xC0) == 0x80) --end;
  return text.substr(0, end);
}

}  // namespace posthorn::wire

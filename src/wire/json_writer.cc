// Escaping and numbers of the JSON writer.
#include "wire/json_writer.h"

#include <charconv>
#include <cmath>

#include "wire/json_scan.h"
#include "wire/time_text.h"
#include "wire/utf8.h"

namespace posthorn::wire {
namespace {

void append_escaped(std::string& out, char c) {
  static constexpr char kHex[] = "0123456789abcdef";
  switch (c) {
    case '"':
      out.append("\\\"");
      return;
    case '\\':
      out.append("\\\\");
      return;
    case '\n':
      out.append("\\n");
      return;
    case '\r':
      out.append("\\r");
      return;
    case '\t':
      out.append("\\t");
      return;
    default:
      out.append("\\u00");
      out.push_back(kHex[static_cast<uint8_t>(c) >> 4]);
      out.push_back(kHex[c & 15]);
  }
}

void append_utf8(std::string& out, ByteView text) {
  const char* at = text.data();
  const char* const end = at + text.size();
  while (true) {
    const char* const special = find_string_special(at, end);
    out.append(at, static_cast<size_t>(special - at));
    if (special == end) return;
    append_escaped(out, *special);
    at = special + 1;
  }
}

}  // namespace

void append_json_string(std::string& out, ByteView text) {
  out.push_back('"');
  if (is_utf8(text)) {
    append_utf8(out, text);
  } else {
    std::string repaired;
    append_repaired(repaired, text);
    append_utf8(out, repaired);
  }
  out.push_back('"');
}

void JsonWriter::key(ByteView name) {
  comma();
  append_json_string(out_, name);
  out_.push_back(':');
  need_comma_ = false;
}

void JsonWriter::string(ByteView text) {
  comma();
  append_json_string(out_, text);
}

void JsonWriter::integer(int64_t value) {
  char digits[24];
  const auto end = std::to_chars(digits, digits + sizeof digits, value).ptr;
  raw(ByteView(digits, static_cast<size_t>(end - digits)));
}

void JsonWriter::number(double value) {
  if (!std::isfinite(value)) return null();
  char digits[32];
  const auto end = std::to_chars(digits, digits + sizeof digits, value).ptr;
  raw(ByteView(digits, static_cast<size_t>(end - digits)));
}

void JsonWriter::time(WallTime value) {
  if (value.us == 0) return null();
  comma();
  out_.push_back('"');
  append_rfc3339(out_, value);
  out_.push_back('"');
}

void JsonWriter::raw(ByteView json) {
  comma();
  out_.append(json);
}

}  // namespace posthorn::wire

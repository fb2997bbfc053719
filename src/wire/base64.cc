// Base64 by table, three bytes at a time.
#include "wire/base64.h"

#include <array>

namespace posthorn::wire {
namespace {

constexpr ByteView kStandard = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr ByteView kUrlSafe = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr uint8_t kBad = 0xFF;

using Values = std::array<uint8_t, 256>;

constexpr Values make_values(ByteView digits) {
  Values values{};
  for (uint8_t& value : values) value = kBad;
  for (size_t i = 0; i < digits.size(); ++i) {
    values[static_cast<uint8_t>(digits[i])] = static_cast<uint8_t>(i);
  }
  return values;
}
constexpr Values kStandardValues = make_values(kStandard);
constexpr Values kUrlSafeValues = make_values(kUrlSafe);

void encode(std::string& out, ByteView bytes, ByteView digits) {
  const size_t whole = (bytes.size() + 2) / 3 * 4;
  const size_t start = out.size();
  out.resize(start + whole, '=');
  char* to = out.data() + start;
  const auto byte = [bytes](size_t at) { return uint32_t{static_cast<uint8_t>(bytes[at])}; };
  size_t at = 0;
  for (; at + 3 <= bytes.size(); at += 3, to += 4) {
    const uint32_t group = byte(at) << 16 | byte(at + 1) << 8 | byte(at + 2);
    to[0] = digits[group >> 18];
    to[1] = digits[group >> 12 & 63];
    to[2] = digits[group >> 6 & 63];
    to[3] = digits[group & 63];
  }
  if (at == bytes.size()) return;
  const bool two = bytes.size() - at == 2;
  const uint32_t rest = byte(at) << 16 | (two ? byte(at + 1) << 8 : 0);
  to[0] = digits[rest >> 18];
  to[1] = digits[rest >> 12 & 63];
  if (two) to[2] = digits[rest >> 6 & 63];
}

// `text` without padding.
std::optional<std::string> decode(ByteView text, const Values& values) {
  if (text.size() % 4 == 1) return std::nullopt;
  std::string out;
  out.reserve(text.size() / 4 * 3 + 2);
  uint32_t bits = 0;
  int held = 0;
  for (const char c : text) {
    const uint8_t value = values[static_cast<uint8_t>(c)];
    if (value == kBad) return std::nullopt;
    bits = (bits << 6 | value) & 0xFFFF;
    held += 6;
    if (held < 8) continue;
    held -= 8;
    out.push_back(static_cast<char>(bits >> held & 0xFF));
  }
  if ((bits & ((1u << held) - 1)) != 0) return std::nullopt;
  return out;
}

}  // namespace

void append_base64(std::string& out, ByteView bytes) { encode(out, bytes, kStandard); }

std::optional<std::string> decode_base64(ByteView text) {
  if (text.size() % 4 != 0) return std::nullopt;
  for (int padding = 0; padding < 2 && text.ends_with('='); ++padding) text.remove_suffix(1);
  return decode(text, kStandardValues);
}

void append_base64url(std::string& out, ByteView bytes) {
  encode(out, bytes, kUrlSafe);
  for (size_t padding = (3 - bytes.size() % 3) % 3; padding > 0; --padding) out.pop_back();
}

std::optional<std::string> decode_base64url(ByteView text) { return decode(text, kUrlSafeValues); }

}  // namespace posthorn::wire

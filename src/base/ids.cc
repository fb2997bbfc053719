// pure: base62 and the time part of identifiers.
#include "base/ids.h"

#include "base/check.h"

namespace posthorn {
namespace {

constexpr char kDigits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
constexpr int64_t kEpochSeconds = 1'400'000'000;
constexpr int64_t kMicrosPerSecond = 1'000'000;
constexpr int64_t kMicrosPerUnit = 4'000;  // the fifth byte counts in four milliseconds
constexpr uint32_t kFiveDigits = 62u * 62 * 62 * 62 * 62;
constexpr size_t kLimbs = 5;

int digit_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'A' && c <= 'Z') return c - 'A' + 10;
  if (c >= 'a' && c <= 'z') return c - 'a' + 36;
  return -1;
}

}  // namespace

WallTime IdBytes::time() const {
  const uint32_t units = static_cast<uint32_t>(raw[0]) << 24 | static_cast<uint32_t>(raw[1]) << 16 |
                         static_cast<uint32_t>(raw[2]) << 8 | raw[3];
  return WallTime{(kEpochSeconds + units) * kMicrosPerSecond + raw[4] * kMicrosPerUnit};
}

void IdBytes::set_time(WallTime t) {
  const int64_t micros = std::max<int64_t>(t.us - kEpochSeconds * kMicrosPerSecond, 0);
  const auto units = static_cast<uint32_t>(micros / kMicrosPerSecond);
  raw[0] = static_cast<uint8_t>(units >> 24);
  raw[1] = static_cast<uint8_t>(units >> 16);
  raw[2] = static_cast<uint8_t>(units >> 8);
  raw[3] = static_cast<uint8_t>(units);
  raw[4] = static_cast<uint8_t>(micros % kMicrosPerSecond / kMicrosPerUnit);
}

std::string IdBytes::base62() const {
  uint32_t limbs[kLimbs];
  for (size_t i = 0; i < kLimbs; ++i) {
    limbs[i] = static_cast<uint32_t>(raw[4 * i]) << 24 |
               static_cast<uint32_t>(raw[4 * i + 1]) << 16 |
               static_cast<uint32_t>(raw[4 * i + 2]) << 8 | raw[4 * i + 3];
  }
  // Five digits are divided off at a time: 62^5 fits 32 bits, so each step is one 64-bit division.
  std::string text(kTextSize, '0');
  size_t at = kTextSize;
  while (at > 0) {
    uint64_t remainder = 0;
    for (uint32_t& limb : limbs) {
      const uint64_t part = remainder << 32 | limb;
      limb = static_cast<uint32_t>(part / kFiveDigits);
      remainder = part % kFiveDigits;
    }
    for (int digit = 0; digit < 5 && at > 0; ++digit) {
      text[--at] = kDigits[remainder % 62];
      remainder /= 62;
    }
  }
  return text;
}

std::optional<IdBytes> IdBytes::from_base62(std::string_view text) {
  if (text.size() != kTextSize) return std::nullopt;
  uint32_t limbs[kLimbs] = {};
  for (const char c : text) {
    const int digit = digit_value(c);
    if (digit < 0) return std::nullopt;
    uint64_t carry = static_cast<uint64_t>(digit);
    for (size_t i = kLimbs; i-- > 0;) {
      const uint64_t part = static_cast<uint64_t>(limbs[i]) * 62 + carry;
      limbs[i] = static_cast<uint32_t>(part);
      carry = part >> 32;
    }
    if (carry != 0) return std::nullopt;
  }
  IdBytes id;
  for (size_t i = 0; i < kLimbs; ++i) {
    for (size_t byte = 0; byte < 4; ++byte) {
      id.raw[4 * i + byte] = static_cast<uint8_t>(limbs[i] >> (24 - 8 * byte));
    }
  }
  return id;
}

IdBytes IdBytes::from_raw(std::string_view raw) {
  CHECK(raw.size() == kSize, "an id has {} bytes, got {}", kSize, raw.size());
  IdBytes id;
  std::memcpy(id.raw.data(), raw.data(), kSize);
  return id;
}

}  // namespace posthorn

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

constexpr size_t kGroup = 5;
constexpr size_t kDigitsPadded = 30;  // whole groups; the first three digits are always zero

// The value of each digit, -1 for every other byte.
constexpr std::array<int8_t, 256> kValues = [] {
  std::array<int8_t, 256> values{};
  for (int8_t& value : values) value = -1;
  for (size_t i = 0; i < 62; ++i) values[static_cast<uint8_t>(kDigits[i])] = static_cast<int8_t>(i);
  return values;
}();

uint32_t load_be(const uint8_t* from) {
  return static_cast<uint32_t>(from[0]) << 24 | static_cast<uint32_t>(from[1]) << 16 |
         static_cast<uint32_t>(from[2]) << 8 | from[3];
}

}  // namespace

WallTime IdBytes::time() const {
  const uint32_t units = load_be(raw.data());
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

void IdBytes::append_base62(std::string& out) const {
  uint32_t limbs[kLimbs];
  for (size_t i = 0; i < kLimbs; ++i) limbs[i] = load_be(raw.data() + 4 * i);
  // Five digits are divided off at a time: 62^5 fits 32 bits, so each step is one 64-bit division
  // by a constant. Limbs that have become zero are passed over.
  char text[kDigitsPadded];
  size_t at = kDigitsPadded;
  size_t first = 0;
  while (at > 0) {
    uint64_t remainder = 0;
    for (size_t i = first; i < kLimbs; ++i) {
      const uint64_t part = remainder << 32 | limbs[i];
      limbs[i] = static_cast<uint32_t>(part / kFiveDigits);
      remainder = part % kFiveDigits;
    }
    while (first < kLimbs && limbs[first] == 0) ++first;
    auto five = static_cast<uint32_t>(remainder);
    for (size_t digit = 0; digit < kGroup; ++digit) {
      text[--at] = kDigits[five % 62];
      five /= 62;
    }
  }
  out.append(text + kDigitsPadded - kTextSize, kTextSize);
}

std::string IdBytes::base62() const {
  std::string text;
  append_base62(text);
  return text;
}

std::optional<IdBytes> IdBytes::from_base62(std::string_view text) {
  if (text.size() != kTextSize) return std::nullopt;
  uint32_t limbs[kLimbs] = {};
  size_t at = 0;
  while (at < kTextSize) {
    // The first group has two digits, the others five: 27 = 2 + 5 * 5.
    const size_t end = at == 0 ? kTextSize % kGroup : at + kGroup;
    uint64_t carry = 0;
    for (; at < end; ++at) {
      const int8_t digit = kValues[static_cast<uint8_t>(text[at])];
      if (digit < 0) return std::nullopt;
      carry = carry * 62 + static_cast<uint64_t>(digit);
    }
    for (size_t i = kLimbs; i-- > 0;) {
      const uint64_t part = static_cast<uint64_t>(limbs[i]) * kFiveDigits + carry;
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

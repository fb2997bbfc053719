// pure: base62 and the time part of identifiers.
#include "base/ids.h"

#include "base/check.h"

namespace posthorn {
namespace {

constexpr char kDigits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
constexpr int64_t kEpochSeconds = 1'400'000'000;
constexpr int64_t kMicrosPerSecond = 1'000'000;
constexpr int64_t kMicrosPerUnit = 4'000;  // the fifth byte counts in four milliseconds
constexpr uint64_t kFiveDigits = 62ull * 62 * 62 * 62 * 62;
constexpr uint64_t kTenDigits = kFiveDigits * kFiveDigits;
constexpr size_t kFirstDigits = IdBytes::kTextSize - 20;  // the others come in two tens
__extension__ using Wide = unsigned __int128;

// The value of each digit, -1 for every other byte.
constexpr std::array<int8_t, 256> kValues = [] {
  std::array<int8_t, 256> values{};
  for (int8_t& value : values) value = -1;
  for (size_t i = 0; i < 62; ++i) values[static_cast<uint8_t>(kDigits[i])] = static_cast<int8_t>(i);
  return values;
}();

template <typename Int>
Int load_be(const uint8_t* from) {
  Int value = 0;
  for (size_t i = 0; i < sizeof value; ++i) value = value << 8 | from[i];
  return value;
}

template <typename Int>
void store_be(uint8_t* to, Int value) {
  for (size_t i = sizeof value; i-- > 0; value >>= 8) to[i] = static_cast<uint8_t>(value);
}

struct Divided {
  uint64_t quotient;
  uint64_t remainder;
};

// One step of a long division by 62^10: `above` is the remainder of the step before.
Divided divide(uint64_t above, uint64_t limb) {
  const auto quotient = static_cast<uint64_t>((Wide{above} << 64 | limb) / kTenDigits);
  return {quotient, limb - quotient * kTenDigits};
}

// `value` / 62^4 as a fixed-point number: its whole part is the first digit, and each times 62
// brings the next one in front of the point. Rounding up makes the number too large by less than
// 2^30 units, times 62^4 still less than one digit.
void put_five_digits(char* to, uint64_t value) {
  constexpr int kPoint = 57;
  constexpr uint64_t kUnit = (uint64_t{1} << kPoint) / (kFiveDigits / 62) + 1;
  uint64_t digits = value * kUnit;
  for (size_t i = 0; i < 5; ++i) {
    to[i] = kDigits[digits >> kPoint];
    digits = (digits & ((uint64_t{1} << kPoint) - 1)) * 62;
  }
}

void put_ten_digits(char* to, uint64_t value) {
  put_five_digits(to, value / kFiveDigits);
  put_five_digits(to + 5, value % kFiveDigits);
}

// `bad` gets its sign bit when one of them is no digit.
uint64_t take_digits(std::string_view digits, int8_t& bad) {
  uint64_t value = 0;
  for (const char c : digits) {
    const int8_t digit = kValues[static_cast<uint8_t>(c)];
    bad |= digit;
    value = value * 62 + static_cast<uint8_t>(digit);
  }
  return value;
}

}  // namespace

WallTime IdBytes::time() const {
  const auto units = load_be<uint32_t>(raw.data());
  return WallTime{(kEpochSeconds + units) * kMicrosPerSecond + raw[4] * kMicrosPerUnit};
}

void IdBytes::set_time(WallTime t) {
  const int64_t micros = std::max<int64_t>(t.us - kEpochSeconds * kMicrosPerSecond, 0);
  const auto units = static_cast<uint32_t>(micros / kMicrosPerSecond);
  store_be(raw.data(), units);
  raw[4] = static_cast<uint8_t>(micros % kMicrosPerSecond / kMicrosPerUnit);
}

void IdBytes::append_base62(std::string& out) const {
  const Divided upper = divide(load_be<uint32_t>(raw.data()), load_be<uint64_t>(raw.data() + 4));
  const Divided lower = divide(upper.remainder, load_be<uint64_t>(raw.data() + 12));
  const Divided first = divide(upper.quotient, lower.quotient);
  char text[kTextSize];
  const uint64_t leading = first.quotient / kFiveDigits;
  text[0] = kDigits[leading / 62];
  text[1] = kDigits[leading % 62];
  put_five_digits(text + 2, first.quotient % kFiveDigits);
  put_ten_digits(text + kFirstDigits, first.remainder);
  put_ten_digits(text + kFirstDigits + 10, lower.remainder);
  out.append(text, kTextSize);
}

std::string IdBytes::base62() const {
  std::string text;
  append_base62(text);
  return text;
}

std::optional<IdBytes> IdBytes::from_base62(std::string_view text) {
  if (text.size() != kTextSize) return std::nullopt;
  int8_t bad = 0;
  const uint64_t first = take_digits(text.substr(0, kFirstDigits), bad);
  const uint64_t middle = take_digits(text.substr(kFirstDigits, 10), bad);
  const uint64_t last = take_digits(text.substr(kFirstDigits + 10), bad);
  if (bad < 0) return std::nullopt;
  const Wide leading = Wide{first} * kTenDigits + middle;
  const Wide low = Wide{static_cast<uint64_t>(leading)} * kTenDigits + last;
  const Wide high = (leading >> 64) * kTenDigits + (low >> 64);
  if (high >> 96 != 0) return std::nullopt;
  IdBytes id;
  store_be(id.raw.data(), static_cast<uint32_t>(high >> 64));
  store_be(id.raw.data() + 4, static_cast<uint64_t>(high));
  store_be(id.raw.data() + 12, static_cast<uint64_t>(low));
  return id;
}

IdBytes IdBytes::from_raw(std::string_view raw) {
  CHECK(raw.size() == kSize, "an id has {} bytes, got {}", kSize, raw.size());
  IdBytes id;
  std::memcpy(id.raw.data(), raw.data(), kSize);
  return id;
}

}  // namespace posthorn

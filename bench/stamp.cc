// pure: writes and reads the benchmark's payload stamp.
#include "stamp.h"

#include <array>
#include <cstring>

namespace posthorn::bench {
namespace {

constexpr std::string_view kBeforeRun = "{\"run\":\"";
constexpr std::string_view kBeforeN = "\",\"n\":\"";
constexpr std::string_view kBeforeT = "\",\"t\":\"";
constexpr std::string_view kBeforePad = "\",\"pad\":\"";
constexpr std::string_view kEnd = "\"}";
constexpr size_t kRunAt = kBeforeRun.size();
constexpr size_t kNAt = kRunAt + 8 + kBeforeN.size();
constexpr size_t kTAt = kNAt + 16 + kBeforeT.size();
constexpr size_t kPadAt = kTAt + 16 + kBeforePad.size();
static_assert(kPadAt + kEnd.size() <= kPayloadBytesMin);

void write_hex(char* out, uint64_t value, size_t digits) {
  for (size_t i = digits; i-- > 0; value >>= 4) out[i] = "0123456789abcdef"[value & 15];
}

constexpr std::array<int8_t, 256> make_digits() {
  std::array<int8_t, 256> table{};
  for (auto& entry : table) entry = -1;
  for (int i = 0; i < 10; ++i) table[static_cast<size_t>('0' + i)] = static_cast<int8_t>(i);
  for (int i = 0; i < 6; ++i) table[static_cast<size_t>('a' + i)] = static_cast<int8_t>(10 + i);
  return table;
}
constexpr auto kDigits = make_digits();

bool read_hex(std::string_view in, uint64_t* out) {
  uint64_t value = 0;
  int bad = 0;
  for (const char c : in) {
    const int digit = kDigits[static_cast<uint8_t>(c)];
    bad |= digit;  // negative when any digit was
    value = value << 4 | static_cast<uint64_t>(digit & 15);
  }
  *out = value;
  return bad >= 0;
}

}  // namespace

std::string make_payload(size_t bytes, uint32_t run) {
  std::string out;
  out.reserve(bytes);
  out.append(kBeforeRun).append(8, '0').append(kBeforeN).append(16, '0');
  out.append(kBeforeT).append(16, '0').append(kBeforePad);
  // Letters that change, so that no layer gains from a run of equal bytes.
  while (out.size() + kEnd.size() < bytes) {
    out.push_back(static_cast<char>('a' + out.size() * 7 % 26));
  }
  out.append(kEnd);
  write_hex(out.data() + kRunAt, run, 8);
  return out;
}

void write_stamp(char* payload, uint64_t n, uint64_t intended_ns) {
  write_hex(payload + kNAt, n, 16);
  write_hex(payload + kTAt, intended_ns, 16);
}

bool read_stamp(std::string_view payload, Stamp* out) {
  if (payload.size() < kPayloadBytesMin || !payload.starts_with(kBeforeRun)) return false;
  if (std::memcmp(payload.data() + kPadAt - kBeforePad.size(), kBeforePad.data(),
                  kBeforePad.size()) != 0) {
    return false;
  }
  return parse_run(payload.substr(kRunAt, 8), &out->run) &&
         read_hex(payload.substr(kNAt, 16), &out->n) &&
         read_hex(payload.substr(kTAt, 16), &out->intended_ns);
}

bool parse_run(std::string_view hex, uint32_t* out) {
  uint64_t value = 0;
  if (hex.size() != 8 || !read_hex(hex, &value)) return false;
  *out = static_cast<uint32_t>(value);
  return true;
}

}  // namespace posthorn::bench

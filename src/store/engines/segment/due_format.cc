// pure: encoding of due entries.
#include "store/engines/segment/due_format.h"

#include <array>

#include "store/engines/segment/index_format.h"

namespace posthorn::store::segment {
namespace {

constexpr int64_t kMinute = 60'000'000;
constexpr int64_t kHour = 60 * kMinute;

// Up to this far ahead, buckets of this width. Each width is a multiple of the one before.
struct Width {
  int64_t ahead_us;
  int64_t width_us;
};
constexpr std::array<Width, 3> kWidths = {{
    {10 * kMinute, 2 * kMinute},
    {2 * kHour, 20 * kMinute},
    {24 * kHour, 2 * kHour},
}};
constexpr int64_t kFarWidth = 24 * kHour;

// Times before 1970 do not occur; as an unsigned number they would sort behind all others.
uint64_t due_number(WallTime due) { return due.us < 0 ? 0 : static_cast<uint64_t>(due.us); }

}  // namespace

std::string due_key(WallTime due, Seq seq, const EndpointId& endpoint) {
  std::string key(KeyBytes().u64(due_number(due)).u64(seq.value).view());
  key.append(endpoint.bytes.view());
  return key;
}

std::string encode_due(const DueEntry& entry) {
  std::string bytes = due_key(entry);
  ByteWriter out(bytes);
  out.bytes(entry.app.bytes.view());
  out.u16(entry.attempts);
  out.u8(static_cast<uint8_t>(entry.trigger));
  return bytes;
}

DueEntry decode_due(ByteView bytes) {
  DueEntry entry;
  entry.due = WallTime{static_cast<int64_t>(key_u64(bytes, 0))};
  entry.seq = Seq{key_u64(bytes, 8)};
  ByteReader in(bytes.substr(16));
  entry.endpoint = EndpointId::from_raw(in.bytes(IdBytes::kSize));
  entry.app = AppId::from_raw(in.bytes(IdBytes::kSize));
  entry.attempts = in.u16();
  entry.trigger = static_cast<model::Trigger>(in.u8());
  return entry;
}

DueBucket due_bucket(WallTime due, WallTime now) {
  const auto at = static_cast<int64_t>(due_number(due));
  const auto of_width = [at](int64_t width) { return DueBucket{at - at % width, width}; };
  if (now.us - at > kWidths.front().ahead_us) return of_width(kFarWidth);  // long overdue
  for (const Width& width : kWidths) {
    if (at - now.us <= width.ahead_us) return of_width(width.width_us);
  }
  return of_width(kFarWidth);
}

}  // namespace posthorn::store::segment

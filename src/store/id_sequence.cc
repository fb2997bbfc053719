// pure: strictly growing ids.
#include "store/id_sequence.h"

#include <algorithm>

namespace posthorn::store {
namespace {
constexpr size_t kTimeBytes = 5;
constexpr size_t kCounterBytes = 4;  // big endian, so that byte order is number order
constexpr size_t kRandomAt = kTimeBytes + kCounterBytes;

uint32_t counter_of(const IdBytes& id) {
  uint32_t value = 0;
  for (size_t i = 0; i < kCounterBytes; ++i) value = value << 8 | id.raw[kTimeBytes + i];
  return value;
}

void set_counter(IdBytes& id, uint32_t value) {
  for (size_t i = kCounterBytes; i-- > 0; value >>= 8) {
    id.raw[kTimeBytes + i] = static_cast<uint8_t>(value);
  }
}

// A counter that wraps (a clock that stands still far in the past of the last id) borrows from the
// future.
void next_time_unit(IdBytes& id) {
  for (size_t i = kTimeBytes; i-- > 0;) {
    if (++id.raw[i] != 0) return;
  }
}
}  // namespace

IdBytes IdSequence::next(WallTime at) {
  IdBytes id;
  id.set_time(at);
  const bool later = std::memcmp(id.raw.data(), last_.raw.data(), kTimeBytes) > 0;
  if (!later) std::memcpy(id.raw.data(), last_.raw.data(), kTimeBytes);
  const uint32_t counter = later ? 0 : counter_of(last_) + 1;
  if (!later && counter == 0) next_time_unit(id);
  set_counter(id, counter);
  rng_.fill({id.raw.data() + kRandomAt, IdBytes::kSize - kRandomAt});
  last_ = id;
  return id;
}

void IdSequence::resume(const IdBytes& last, WallTime last_time) {
  last_ = std::max(last_, last);
  last_time_ = std::max(last_time_, last_time);
}

}  // namespace posthorn::store

#include "catalog/internal/id_maker.h"

namespace posthorn::catalog {
namespace {

constexpr size_t kTimeBytes = 5;
constexpr size_t kCountBytes = 2;
constexpr uint32_t kCountMax = 0xFFFF;
constexpr microseconds kTimeStep{4'000};  // of the time part

}  // namespace

IdBytes IdMaker::next() {
  IdBytes id;
  id.set_time(clock_.wall());
  const WallTime now = id.time();
  if (now > time_) {
    time_ = now;
    count_ = 0;
  } else if (++count_ > kCountMax) {
    time_ = time_ + kTimeStep;
    count_ = 0;
  }
  entropy_.fill(std::span<uint8_t>(id.raw).subspan(kTimeBytes + kCountBytes));
  id.set_time(time_);
  id.raw[kTimeBytes] = static_cast<uint8_t>(count_ >> 8);
  id.raw[kTimeBytes + 1] = static_cast<uint8_t>(count_);
  return id;
}

void IdMaker::stay_above(const IdBytes& id) {
  if (id.time() < time_) return;
  time_ = id.time();
  count_ = kCountMax;
}

}  // namespace posthorn::catalog

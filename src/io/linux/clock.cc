// The machine's clocks, read through the vDSO without a system call.
#include "io/linux/clock.h"

#include <ctime>

namespace posthorn::io {

MonoTime LinuxClock::now() const {
  timespec at{};
  ::clock_gettime(CLOCK_MONOTONIC, &at);
  return MonoTime{int64_t{at.tv_sec} * 1'000'000'000 + at.tv_nsec};
}

WallTime LinuxClock::wall() const {
  timespec at{};
  ::clock_gettime(CLOCK_REALTIME, &at);
  return WallTime{int64_t{at.tv_sec} * 1'000'000 + at.tv_nsec / 1000};
}

}  // namespace posthorn::io

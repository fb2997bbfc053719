// The two clocks of the benchmark. Generator and sink run on one machine, so CLOCK_MONOTONIC is
// the same clock in both and end-to-end latency needs no synchronisation.
#pragma once
#include <ctime>

#include <cstdint>

namespace posthorn::bench {

inline uint64_t monotonic_ns() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000U + static_cast<uint64_t>(now.tv_nsec);
}

inline uint64_t wall_seconds() {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  return static_cast<uint64_t>(now.tv_sec);
}

}  // namespace posthorn::bench

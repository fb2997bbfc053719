// Time as people count it, from a clock that nobody sets. For ends of long stretches of time.
#pragma once
#include "io/clock.h"

namespace posthorn::io {

// Wall time that runs with the monotonic clock from when this was made, so that a jump of the
// machine's clock ends nothing before its time. Thread-safe.
class SteadyWall {
 public:
  explicit SteadyWall(const Clock& clock)
      : clock_(clock), base_wall_(clock.wall()), base_mono_(clock.now()) {}
  WallTime now() const { return at(clock_.now()); }
  // For a caller that has read the clock already.
  WallTime at(MonoTime now) const {
    return base_wall_ + std::chrono::duration_cast<microseconds>(now - base_mono_);
  }

 private:
  const Clock& clock_;
  const WallTime base_wall_;
  const MonoTime base_mono_;
};

}  // namespace posthorn::io

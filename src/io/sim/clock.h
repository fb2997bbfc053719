// The clocks of the simulation: the monotonic one is virtual time, the wall clock can be moved.
#pragma once
#include "io/clock.h"
#include "io/sim/schedule.h"

namespace posthorn::io::sim {

class SimClock final : public Clock {
 public:
  explicit SimClock(const Schedule& schedule) : schedule_(schedule) {}
  MonoTime now() const override { return schedule_.now(); }
  WallTime wall() const override { return WallTime{wall_offset_us_ + schedule_.now().ns / 1000}; }

  void set_wall(WallTime to) { wall_offset_us_ = to.us - schedule_.now().ns / 1000; }
  void jump_wall(microseconds by) { wall_offset_us_ += by.count(); }

 private:
  const Schedule& schedule_;
  int64_t wall_offset_us_ = 1'767'225'600'000'000;  // 2026-01-01
};

}  // namespace posthorn::io::sim

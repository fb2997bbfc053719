// Timers of a loop: a hierarchical wheel with millisecond ticks, so that arming and cancelling
// cost a few nanoseconds and thousands of deadlines need one timer of the system.
#pragma once
#include <array>
#include <cstdint>
#include <memory>
#include <optional>

#include "base/function.h"
#include "base/units.h"

namespace posthorn::io {

class TimerWheel;

// One deadline with one callback. Destroying it cancels it. Fires at or after its time, at most
// two ticks late on an idle loop. May be re-armed or destroyed inside its callback.
class Timer {
 public:
  Timer(TimerWheel& wheel, Task on_fire) : wheel_(wheel), on_fire_(std::move(on_fire)) {}
  ~Timer() { cancel(); }
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

  // Arms or re-arms.
  void arm_at(MonoTime when);
  void cancel();
  bool armed() const { return next_ != nullptr; }

 private:
  friend class TimerWheel;
  TimerWheel& wheel_;
  Task on_fire_;
  Timer* prev_ = nullptr;
  Timer* next_ = nullptr;
  uint64_t tick_ = 0;
  uint16_t slot_ = 0;
};

// pure: driven by advance(); reads no clock. Four levels of 256 slots reach 49 days; later
// deadlines wait in the last slot and are placed again.
class TimerWheel {
 public:
  static constexpr int64_t kTickNs = 1'000'000;
  explicit TimerWheel(MonoTime start);
  ~TimerWheel();
  TimerWheel(const TimerWheel&) = delete;
  TimerWheel& operator=(const TimerWheel&) = delete;

  // Fires everything due at `now`, in order of time (within a tick in order of arming).
  void advance(MonoTime now);
  // When to call advance() next, at the latest: at or before the earliest deadline; nothing when
  // no timer is armed.
  std::optional<MonoTime> next_expiry() const;
  // Called when an armed timer becomes the earliest, so that the owner can wake earlier.
  void on_earlier(Task notify) { on_earlier_ = std::move(notify); }
  size_t armed() const { return armed_; }

 private:
  friend class Timer;
  static constexpr size_t kSlots = 256;
  static constexpr size_t kLevels = 4;
  struct Slot;
  void insert(Timer& timer);
  void remove(Timer& timer);
  void cascade(size_t level);
  void fire_slot(size_t slot);

  struct State;
  std::unique_ptr<State> state_;
  MonoTime start_;
  uint64_t current_tick_ = 0;
  size_t armed_ = 0;
  Task on_earlier_;
};

}  // namespace posthorn::io

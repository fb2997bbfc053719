// Timers of a loop: a hierarchical wheel with millisecond ticks, so that arming and cancelling
// cost a few nanoseconds and thousands of deadlines need one timer of the system.
#pragma once
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>

#include "base/function.h"
#include "base/units.h"

namespace posthorn::io {

class TimerWheel;

// A place in one of the wheel's circular lists; unlinked when next is null.
struct TimerLink {
  TimerLink* prev = nullptr;
  TimerLink* next = nullptr;
};

// One deadline with one callback. Destroying it cancels it. Fires at or after its time, at most
// two ticks late on an idle loop. May be re-armed or destroyed inside its callback. The wheel
// must outlive it.
class Timer : private TimerLink {
 public:
  Timer(TimerWheel& wheel, Task on_fire) : wheel_(wheel), on_fire_(std::move(on_fire)) {}
  ~Timer();
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

  // Arms or re-arms. A time that has passed fires with the next tick.
  void arm_at(MonoTime when);
  void cancel();
  bool armed() const { return next != nullptr; }

 private:
  friend class TimerWheel;
  TimerWheel& wheel_;
  Task on_fire_;
  uint64_t tick_ = 0;
  uint16_t slot_ = 0;  // level * kSlots + slot of that level
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
  // When to call advance() next, at the latest: at or before the earliest deadline (the wheel may
  // ask to be called once or twice before it); nothing when no timer is armed.
  std::optional<MonoTime> next_expiry() const;
  // Called when next_expiry() may have become earlier than it was after the last advance() or the
  // last such call, so that the owner can wake earlier. Not called inside advance().
  void on_earlier(Task notify) { on_earlier_ = std::move(notify); }
  size_t armed() const { return armed_; }

 private:
  friend class Timer;
  static constexpr size_t kSlots = 256;
  static constexpr size_t kLevels = 4;
  static constexpr uint64_t kNever = std::numeric_limits<uint64_t>::max();

  struct Slots;
  // Where a timer waits: its slot, and the tick at which advance() must look at that slot.
  struct Place {
    size_t slot;
    uint64_t wake_tick;
  };
  Place place(uint64_t tick) const;
  void arm(Timer& timer, MonoTime when);
  void remove(Timer& timer);
  void cascade(size_t level);
  void fire_current();
  uint64_t next_tick() const;

  std::unique_ptr<Slots> slots_;
  MonoTime start_;
  uint64_t current_tick_ = 0;
  uint64_t promised_tick_ = kNever;  // the owner will call advance() at this tick or earlier
  size_t armed_ = 0;
  bool advancing_ = false;
  Timer* firing_ = nullptr;  // null when the timer was destroyed in its own callback
  Task on_earlier_;
};

}  // namespace posthorn::io

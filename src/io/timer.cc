// pure: the hierarchical timer wheel. A timer less than 256 ticks away waits in the slot of its
// tick; one further away waits in a coarser slot and moves down when the wheel reaches the start of
// that slot. Bitmaps of the occupied slots let the wheel jump over empty time.
#include "io/timer.h"

#include <algorithm>
#include <array>
#include <bit>

#include "base/check.h"

namespace posthorn::io {
namespace {

constexpr size_t kBitsPerLevel = 8;
constexpr size_t kWordBits = 64;

void link_before(TimerLink& at, TimerLink& link) {
  link.prev = at.prev;
  link.next = &at;
  at.prev->next = &link;
  at.prev = &link;
}

void unlink(TimerLink& link) {
  link.prev->next = link.next;
  link.next->prev = link.prev;
  link.prev = link.next = nullptr;
}

}  // namespace

struct TimerWheel::Slots {
  std::array<TimerLink, kLevels * kSlots> heads;
  std::array<uint64_t, kLevels * kSlots / kWordBits> occupied{};

  Slots() {
    for (TimerLink& head : heads) head.prev = head.next = &head;
  }
  bool empty(size_t slot) const { return heads[slot].next == &heads[slot]; }
  void mark(size_t slot) { occupied[slot / kWordBits] |= uint64_t{1} << (slot % kWordBits); }
  void unmark(size_t slot) { occupied[slot / kWordBits] &= ~(uint64_t{1} << (slot % kWordBits)); }

  // How many slots after `from` the next occupied one of the level is (1..kSlots), 0 when none.
  size_t distance(size_t level, size_t from) const {
    const uint64_t* words = &occupied[level * kSlots / kWordBits];
    size_t at = (from + 1) % kSlots;
    for (size_t passed = 0; passed < kSlots;) {
      const uint64_t rest = words[at / kWordBits] >> (at % kWordBits);
      if (rest != 0) {
        const size_t found = passed + static_cast<size_t>(std::countr_zero(rest));
        return found < kSlots ? found + 1 : 0;
      }
      const size_t step = kWordBits - at % kWordBits;
      passed += step;
      at = (at + step) % kSlots;
    }
    return 0;
  }
};

Timer::~Timer() {
  cancel();
  if (wheel_.firing_ == this) wheel_.firing_ = nullptr;
}

void Timer::arm_at(MonoTime when) { wheel_.arm(*this, when); }

void Timer::cancel() {
  if (armed()) wheel_.remove(*this);
}

TimerWheel::TimerWheel(MonoTime start) : slots_(std::make_unique<Slots>()), start_(start) {}

TimerWheel::~TimerWheel() { CHECK(armed_ == 0, "{} timers outlive their wheel", armed_); }

TimerWheel::Place TimerWheel::place(uint64_t tick) const {
  const uint64_t farthest = current_tick_ + (uint64_t{1} << (kLevels * kBitsPerLevel)) - 1;
  const uint64_t at = std::min(tick, farthest);
  size_t level = 0;
  while (level + 1 < kLevels && at - current_tick_ >= uint64_t{1} << ((level + 1) * kBitsPerLevel))
    ++level;
  const uint64_t block = at >> (level * kBitsPerLevel);
  return {level * kSlots + block % kSlots, block << (level * kBitsPerLevel)};
}

void TimerWheel::arm(Timer& timer, MonoTime when) {
  timer.cancel();
  const int64_t after = std::max<int64_t>(when.ns - start_.ns, 0);
  const uint64_t tick = static_cast<uint64_t>(after / kTickNs + (after % kTickNs != 0));
  timer.tick_ = std::max(tick, current_tick_ + 1);
  const Place at = place(timer.tick_);
  timer.slot_ = static_cast<uint16_t>(at.slot);
  link_before(slots_->heads[at.slot], timer);
  slots_->mark(at.slot);
  ++armed_;
  if (at.wake_tick >= promised_tick_ || advancing_) return;
  promised_tick_ = at.wake_tick;
  if (on_earlier_) on_earlier_();
}

void TimerWheel::remove(Timer& timer) {
  unlink(timer);
  if (slots_->empty(timer.slot_)) slots_->unmark(timer.slot_);
  --armed_;
}

// Moves the timers of the slot that begins at the current tick to finer slots. For one tick, what
// waits in a coarser slot was armed before what waits in a finer one; hence back to front, each
// put first.
void TimerWheel::cascade(size_t level) {
  const size_t from = level * kSlots + (current_tick_ >> (level * kBitsPerLevel)) % kSlots;
  TimerLink& head = slots_->heads[from];
  TimerLink moving;
  if (slots_->empty(from)) return;
  moving.next = head.next;
  moving.prev = head.prev;
  moving.next->prev = moving.prev->next = &moving;
  head.prev = head.next = &head;
  slots_->unmark(from);
  while (moving.prev != &moving) {
    Timer& timer = static_cast<Timer&>(*moving.prev);
    unlink(timer);
    const Place at = place(timer.tick_);
    timer.slot_ = static_cast<uint16_t>(at.slot);
    link_before(*slots_->heads[at.slot].next, timer);
    slots_->mark(at.slot);
  }
}

void TimerWheel::fire_current() {
  const size_t slot = current_tick_ % kSlots;
  while (!slots_->empty(slot)) {
    Timer& timer = static_cast<Timer&>(*slots_->heads[slot].next);
    remove(timer);
    // The callback may destroy its own timer, so it must not run inside of it.
    Task on_fire = std::move(timer.on_fire_);
    firing_ = &timer;
    on_fire();
    if (firing_ == &timer) timer.on_fire_ = std::move(on_fire);
    firing_ = nullptr;
  }
}

uint64_t TimerWheel::next_tick() const {
  uint64_t next = kNever;
  for (size_t level = 0; level < kLevels; ++level) {
    const uint64_t block = current_tick_ >> (level * kBitsPerLevel);
    const size_t distance = slots_->distance(level, block % kSlots);
    if (distance != 0) next = std::min(next, (block + distance) << (level * kBitsPerLevel));
  }
  return next;
}

void TimerWheel::advance(MonoTime now) {
  CHECK(!advancing_, "advance() inside a timer's callback");
  const int64_t after = now.ns - start_.ns;
  if (after < 0) return;
  const uint64_t target = static_cast<uint64_t>(after / kTickNs);
  advancing_ = true;
  for (uint64_t next = next_tick(); next <= target; next = next_tick()) {
    current_tick_ = next;
    for (size_t level = kLevels - 1; level > 0; --level) {
      const uint64_t within = (uint64_t{1} << (level * kBitsPerLevel)) - 1;
      if ((next & within) == 0) cascade(level);
    }
    fire_current();
  }
  advancing_ = false;
  current_tick_ = std::max(current_tick_, target);
  promised_tick_ = next_tick();
}

std::optional<MonoTime> TimerWheel::next_expiry() const {
  const uint64_t next = next_tick();
  if (next == kNever) return std::nullopt;
  return start_ + nanoseconds{static_cast<int64_t>(next) * kTickNs};
}

}  // namespace posthorn::io

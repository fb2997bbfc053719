// The event queue of the simulation.
#include "io/sim/schedule.h"

#include <algorithm>
#include <tuple>

#include "base/check.h"

namespace posthorn::io::sim {
namespace {

// So many events at one instant are a loop that never lets time pass.
constexpr uint64_t kStandingStillMax = 5'000'000;
constexpr uint64_t kFnvPrime = 0x100000001b3ull;

}  // namespace

Schedule::Schedule(uint64_t seed) : rng_(seed), ties_(~seed) {}

void Schedule::end() {
  ending_ = true;  // a destroyed task may own something that schedules when it goes
  heap_.clear();
}

bool Schedule::later(const Event& a, const Event& b) {
  return std::tie(a.when, a.draw, a.order) > std::tie(b.when, b.draw, b.order);
}

void Schedule::push(MonoTime when, uint64_t draw, Task task) {
  if (ending_) return;
  heap_.push_back({std::max(when, now()), draw, ++scheduled_, std::move(task)});
  std::push_heap(heap_.begin(), heap_.end(), later);
}

bool Schedule::step() {
  if (heap_.empty()) return false;
  std::pop_heap(heap_.begin(), heap_.end(), later);
  Event event = std::move(heap_.back());
  heap_.pop_back();
  standing_still_ = event.when > now_ ? 0 : standing_still_ + 1;
  CHECK(standing_still_ < kStandingStillMax, "time stands still at {} ns", now_.ns);
  now_ = std::max(now_, event.when);
  note("event", event.order);
  event.task();
  spent_ = nanoseconds{0};
  return true;
}

bool Schedule::run_until(const std::function<bool()>& done, MonoTime deadline) {
  while (!done()) {
    if (heap_.empty() || heap_.front().when > deadline) {
      now_ = std::max(now_, deadline);
      return done();
    }
    step();
  }
  return true;
}

nanoseconds Schedule::draw(nanoseconds low, nanoseconds high) {
  if (high <= low) return low;
  return low + nanoseconds{static_cast<int64_t>(
                   rng_.below(static_cast<uint64_t>((high - low).count()) + 1))};
}

void Schedule::note(std::string_view what, uint64_t number) {
  const auto mix = [this](uint64_t word) {
    trace_hash_ = (trace_hash_ ^ word) * kFnvPrime;
    trace_hash_ ^= trace_hash_ >> 29;
  };
  mix(static_cast<uint64_t>(now().ns));
  for (const char c : what) mix(static_cast<uint8_t>(c));
  mix(number);
}

}  // namespace posthorn::io::sim

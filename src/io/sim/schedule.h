// Virtual time and everything that will happen in it: one queue of events ordered by (time, a
// seeded draw, order of scheduling). The whole simulation hangs on it; one thread.
#pragma once
#include <cstdint>
#include <functional>
#include <string_view>
#include <vector>

#include "base/function.h"
#include "base/rng.h"
#include "base/units.h"

namespace posthorn::io::sim {

class Schedule {
 public:
  explicit Schedule(uint64_t seed);
  ~Schedule() { end(); }
  Schedule(const Schedule&) = delete;
  Schedule& operator=(const Schedule&) = delete;

  // The time of the event that runs, plus what it spent.
  MonoTime now() const { return now_ + spent_; }
  // Events of one time run in an order drawn from the seed. Nothing can be taken back: a task
  // that may have become pointless must find that out itself.
  void at(MonoTime when, Task task) { push(when, ties_.next(), std::move(task)); }
  // The same, but events of one lane and one time run in the order in which they were scheduled.
  void at_in_order(MonoTime when, uint64_t lane, Task task) { push(when, lane, std::move(task)); }
  uint64_t make_lane() { return ties_.next(); }
  void after(nanoseconds delay, Task task) { at(now() + delay, std::move(task)); }
  // The running event blocks for so long: what it schedules from here on starts later.
  void spend(nanoseconds time) { spent_ += time; }
  nanoseconds spent() const { return spent_; }

  // Drops all events and takes no more; before what they may own goes.
  void end();

  // Runs the next event; false when there is none.
  bool step();
  // Runs events until `done` holds (looked at before each) or `deadline` has passed; says whether
  // it holds. The time is then that of the last event, or the deadline.
  bool run_until(const std::function<bool()>& done, MonoTime deadline);

  // All draws of the simulation come from here.
  Rng& rng() { return rng_; }
  // A number in [low, high].
  nanoseconds draw(nanoseconds low, nanoseconds high);
  // Adds to the trace. Two runs with one seed must end with the same hash.
  void note(std::string_view what, uint64_t number = 0);
  uint64_t trace_hash() const { return trace_hash_; }

 private:
  struct Event {
    MonoTime when;
    uint64_t draw;
    uint64_t order;
    Task task;
  };
  // std::priority_queue hands out const references; a heap in a vector lets tasks be moved out.
  void push(MonoTime when, uint64_t draw, Task task);
  static bool later(const Event& a, const Event& b);

  Rng rng_;
  Rng ties_;  // of its own, so that a new draw elsewhere does not reorder everything
  std::vector<Event> heap_;
  MonoTime now_{1'000'000'000};
  nanoseconds spent_{0};
  uint64_t scheduled_ = 0;
  uint64_t standing_still_ = 0;
  uint64_t trace_hash_ = 0xcbf29ce484222325ull;
  bool ending_ = false;
};

}  // namespace posthorn::io::sim

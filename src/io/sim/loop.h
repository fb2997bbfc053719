// A loop in virtual time. Any number of them share one schedule and one thread.
#pragma once
#include <memory>
#include <optional>
#include <vector>

#include "io/loop.h"
#include "io/sim/clock.h"
#include "io/timer.h"

namespace posthorn::io::sim {

class Network;
class Names;

class SimLoop final : public Loop {
 public:
  SimLoop(Schedule& schedule, const SimClock& clock, Network& network, Names& names);
  SimLoop(const SimLoop&) = delete;
  SimLoop& operator=(const SimLoop&) = delete;
  ~SimLoop() override;

  const Clock& clock() const override { return clock_; }
  Net& net() override { return *net_; }
  Resolver& resolver() override { return *resolver_; }
  TimerWheel& timers() override { return timers_; }
  void post(Task task) override;
  void post_at_turn_end(Task task) override;
  void post_remote(Task task) override;
  void run() override;
  void stop() override { stopped_ = true; }

  // Runs `task` as a handler of this loop, now, and then what it posted.
  void enter(Task task);
  // The same as an event of its own at a time to come, unless the loop is gone by then. Those of
  // one time run in order.
  void enter_at(MonoTime when, Task task);

 private:
  void run_posted();
  void schedule_drain();
  void set_alarm();

  Schedule& schedule_;
  const SimClock& clock_;
  const uint64_t lane_;
  const nanoseconds wake_delay_;  // of a wake-up by another thread
  std::vector<Task> posted_;
  bool in_turn_ = false;
  bool drain_scheduled_ = false;
  bool stopped_ = false;
  std::optional<MonoTime> alarm_;  // an event for the wheel is scheduled at this time
  TimerWheel timers_;
  std::unique_ptr<Net> net_;
  std::unique_ptr<Resolver> resolver_;
  // Events hold a weak pointer to it: they do nothing when the loop is gone.
  const std::shared_ptr<SimLoop*> alive_ = std::make_shared<SimLoop*>(this);
};

}  // namespace posthorn::io::sim

// A loop in virtual time.
#include "io/sim/loop.h"

#include "io/net.h"
#include "io/resolver.h"
#include "io/sim/names.h"
#include "io/sim/network.h"

namespace posthorn::io::sim {
namespace {

// run() without an end is a test that never stops its loop.
constexpr seconds kRunMax{365 * 24 * 3600};
constexpr microseconds kWakeDelayMax{20};

}  // namespace

SimLoop::SimLoop(Schedule& schedule, const SimClock& clock, Network& network, Names& names)
    : schedule_(schedule),
      clock_(clock),
      lane_(schedule.make_lane()),
      wake_delay_(schedule.draw(nanoseconds{0}, kWakeDelayMax)),
      timers_(schedule.now()),
      net_(network.make_net(*this)),
      resolver_(names.make_resolver(*this)) {
  timers_.on_earlier([this] { set_alarm(); });
}

SimLoop::~SimLoop() {
  while (!posted_.empty()) std::exchange(posted_, {}).clear();
}

void SimLoop::enter(Task task) {
  const bool outer = std::exchange(in_turn_, true);
  task();
  task = nullptr;
  if (outer) return;
  run_posted();
  in_turn_ = false;
}

void SimLoop::enter_at(MonoTime when, Task task) {
  schedule_.at_in_order(
      when, lane_, [alive = std::weak_ptr<SimLoop*>(alive_), task = std::move(task)]() mutable {
        if (const auto loop = alive.lock()) (*loop)->enter(std::move(task));
      });
}

void SimLoop::run_posted() {
  while (!posted_.empty()) {
    std::vector<Task> running = std::exchange(posted_, {});
    for (Task& task : running) task();
  }
}

void SimLoop::schedule_drain() {
  if (std::exchange(drain_scheduled_, true)) return;
  enter_at(schedule_.now(), [this] { drain_scheduled_ = false; });
}

void SimLoop::post(Task task) {
  posted_.push_back(std::move(task));
  if (!in_turn_) schedule_drain();
}

// Events of the same instant may come before it or after it: a turn is whatever was ready.
void SimLoop::post_at_turn_end(Task task) { enter_at(schedule_.now(), std::move(task)); }

void SimLoop::post_remote(Task task) { enter_at(schedule_.now() + wake_delay_, std::move(task)); }

void SimLoop::run() {
  schedule_.run_until([this] { return stopped_; }, schedule_.now() + kRunMax);
  stopped_ = false;
}

void SimLoop::set_alarm() {
  const auto next = timers_.next_expiry();
  if (!next || (alarm_ && *alarm_ <= *next)) return;
  alarm_ = next;
  enter_at(*next, [this, when = *next] {
    if (alarm_ != when) return;  // another one took its place
    alarm_.reset();
    timers_.advance(schedule_.now());
    set_alarm();
  });
}

}  // namespace posthorn::io::sim

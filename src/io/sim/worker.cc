// A worker in virtual time.
#include "io/sim/worker.h"

#include <algorithm>
#include <deque>

namespace posthorn::io::sim {
namespace {

constexpr microseconds kWakeDelayMax{20};

class SimWorker final : public Worker {
 public:
  SimWorker(Schedule& schedule, size_t capacity) : schedule_(schedule), capacity_(capacity) {}

  SimWorker(const SimWorker&) = delete;
  SimWorker& operator=(const SimWorker&) = delete;
  ~SimWorker() override {
    while (!waiting_.empty()) run_first();
  }

  bool post(Task task) override {
    if (waiting_.size() >= capacity_) return false;
    waiting_.push_back(std::move(task));
    if (!std::exchange(awake_, true)) {
      wake(schedule_.now() + schedule_.draw(nanoseconds{0}, kWakeDelayMax));
    }
    return true;
  }

 private:
  void wake(MonoTime when) {
    schedule_.at(std::max(when, busy_until_), [this, alive = std::weak_ptr<bool>(alive_)] {
      if (alive.expired()) return;
      if (!waiting_.empty()) run_first();
      if (alive.expired()) return;  // the task destroyed its worker
      busy_until_ = schedule_.now();
      awake_ = !waiting_.empty();
      if (awake_) wake(busy_until_);
    });
  }

  void run_first() {
    Task task = std::move(waiting_.front());
    waiting_.pop_front();
    task();
  }

  Schedule& schedule_;
  const size_t capacity_;
  std::deque<Task> waiting_;
  MonoTime busy_until_;  // the last task spent so much
  bool awake_ = false;
  const std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace

std::unique_ptr<Worker> make_sim_worker(Schedule& schedule, size_t capacity) {
  return std::make_unique<SimWorker>(schedule, capacity);
}

}  // namespace posthorn::io::sim

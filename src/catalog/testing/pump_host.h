// A host for tests of the catalog: worker and loops are queues that the test empties by hand, so
// that it can say which loop has seen what. No disk, no net.
#pragma once
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "base/check.h"
#include "base/rng.h"
#include "io/host.h"

namespace posthorn::catalog {

class TaskQueue {
 public:
  void push(Task task) { tasks_.push_back(std::move(task)); }
  size_t waiting() const { return tasks_.size(); }
  // Runs what waits and what that adds; tells whether there was anything.
  bool run() {
    const bool any = !tasks_.empty();
    while (!tasks_.empty()) {
      Task task = std::move(tasks_.front());
      tasks_.pop_front();
      task();
    }
    return any;
  }

 private:
  std::deque<Task> tasks_;
};

class PumpLoop final : public io::Loop {
 public:
  explicit PumpLoop(const io::Clock& clock) : clock_(clock) {}
  const io::Clock& clock() const override { return clock_; }
  io::Net& net() override { return nothing<io::Net>(); }
  io::Resolver& resolver() override { return nothing<io::Resolver>(); }
  io::TimerWheel& timers() override { return nothing<io::TimerWheel>(); }
  void post(Task task) override { queue.push(std::move(task)); }
  void post_at_turn_end(Task task) override { queue.push(std::move(task)); }
  void post_remote(Task task) override { queue.push(std::move(task)); }
  void run() override { queue.run(); }
  void stop() override {}

  TaskQueue queue;

 private:
  template <typename T>
  static T& nothing() {
    check_failed(__FILE__, __LINE__, "PumpLoop", "has no net, resolver or timers");
  }
  const io::Clock& clock_;
};

class PumpHost final : public io::Host {
 public:
  explicit PumpHost(uint64_t seed = 1) : entropy_(seed) {}

  const io::Clock& clock() const override { return clock_; }
  io::Entropy& entropy() override { return entropy_; }
  io::Disk& disk() override { check_failed(__FILE__, __LINE__, "PumpHost", "has no disk"); }
  std::unique_ptr<io::Worker> make_worker(const std::string&, size_t capacity) override {
    return std::make_unique<PumpWorker>(worker_queue_, capacity);
  }
  std::unique_ptr<io::Loop> make_loop() override { return std::make_unique<PumpLoop>(clock_); }
  Result<std::unique_ptr<io::Tls>> make_tls(io::Loop&, const io::TlsClientOptions&,
                                            const io::TlsServerOptions&) override {
    return error(Errc::kUnsupported, "no TLS here");
  }

  // Runs what waits for the worker.
  bool run_worker() { return worker_queue_->run(); }
  void set_wall(WallTime time) { clock_.time = time; }

 private:
  struct PumpClock final : io::Clock {
    MonoTime now() const override { return MonoTime{time.us * 1000}; }
    WallTime wall() const override { return time; }
    WallTime time{1'700'000'000'000'000};
  };
  struct PumpEntropy final : io::Entropy {
    explicit PumpEntropy(uint64_t seed) : rng(seed) {}
    void fill(std::span<uint8_t> out) override { rng.fill(out); }
    Rng rng;
  };
  struct PumpWorker final : io::Worker {
    PumpWorker(std::shared_ptr<TaskQueue> q, size_t c) : queue(std::move(q)), capacity(c) {}
    ~PumpWorker() override { queue->run(); }
    PumpWorker(const PumpWorker&) = delete;
    PumpWorker& operator=(const PumpWorker&) = delete;
    bool post(Task task) override {
      if (queue->waiting() >= capacity) return false;
      queue->push(std::move(task));
      return true;
    }
    std::shared_ptr<TaskQueue> queue;
    const size_t capacity;
  };

  PumpClock clock_;
  PumpEntropy entropy_;
  std::shared_ptr<TaskQueue> worker_queue_ = std::make_shared<TaskQueue>();
};

}  // namespace posthorn::catalog

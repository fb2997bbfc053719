// The event loop of one thread: one epoll set, a timer wheel and a run queue. Private to io/linux.
// Descriptors are registered once; readiness comes with the wait that all of them share.
#pragma once
#include <sys/epoll.h>

#include <array>
#include <atomic>
#include <mutex>
#include <optional>
#include <vector>

#include "base/function.h"
#include "base/result.h"
#include "io/clock.h"
#include "io/linux/descriptor.h"
#include "io/timer.h"

namespace posthorn::io {

class Reactor {
 public:
  // What watches a descriptor. Used on the loop's thread; may be destroyed inside its ready().
  class Source {
   public:
    Source(const Source&) = delete;
    Source& operator=(const Source&) = delete;

    // The EPOLL… bits that were reported; 0 after again().
    virtual void ready(uint32_t events) = 0;

   protected:
    explicit Source(Reactor& reactor) : reactor_(reactor) {}
    virtual ~Source();

    Reactor& reactor() const { return reactor_; }
    // Closing the descriptor ends it; unwatch() does where it stays open.
    Status watch(int fd, uint32_t events);
    void rewatch(int fd, uint32_t events);
    void unwatch(int fd);
    // Calls ready(0) when the handlers that are ready now have run.
    void again();

   private:
    friend class Reactor;
    Reactor& reactor_;
    bool again_ = false;  // stands in Reactor::again_
  };

  explicit Reactor(const Clock& clock);
  ~Reactor();
  Reactor(const Reactor&) = delete;
  Reactor& operator=(const Reactor&) = delete;

  TimerWheel& timers() { return timers_; }
  // See Loop.
  MonoTime now() const;
  void post(Task task) { posted_.push_back(std::move(task)); }
  void post_at_turn_end(Task task) { turn_end_.push_back(std::move(task)); }
  void post_remote(Task task);
  void run();
  void stop();
  // Destroys waiting tasks without running them; what they own must be gone before what it uses.
  void drop_tasks();

 private:
  static constexpr size_t kReadyMax = 256;

  void turn();
  size_t poll(size_t count, int timeout_ms);
  int wait_ms();
  void run_ready();
  void run_again();
  void run_timers();
  bool run_remote();
  void run_turn_end();
  void run_posted();
  void run_each(std::vector<Task>& tasks);
  void begin_handler() { now_.reset(); }
  void forget(Source& source);
  void wake() const;

  const Clock& clock_;
  TimerWheel timers_;
  const Descriptor epoll_;
  const Descriptor wake_;  // written by other threads
  mutable std::optional<MonoTime> now_;
  bool in_turn_ = false;
  std::array<epoll_event, kReadyMax> ready_;
  size_t ready_at_ = 0, ready_end_ = 0;  // not handled yet
  std::vector<Source*> again_, again_running_;
  // Each queue with the one that is run, kept for its capacity.
  std::vector<Task> posted_, posted_running_;
  std::vector<Task> turn_end_, turn_end_running_;
  std::atomic<bool> stopped_ = false;
  std::mutex remote_mutex_;
  std::vector<Task> remote_;  // guarded by remote_mutex_
  bool asleep_ = false;       // guarded by remote_mutex_; a remote task must wake the loop
  std::vector<Task> remote_running_;
};

}  // namespace posthorn::io

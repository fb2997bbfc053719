// The Asio event loop of one thread with a run queue of its own. Private to io/linux: loop.cc,
// net.cc and fd_watch.cc include it, nobody else sees Asio.
#pragma once
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <mutex>
#include <vector>

#include "base/function.h"

namespace posthorn::io {

class Reactor {
 public:
  using Executor = boost::asio::io_context::executor_type;

  // Every completion handler opens one; when it closes, the tasks posted meanwhile run.
  class Turn {
   public:
    explicit Turn(Reactor& reactor) : reactor_(reactor), outer_(reactor.in_turn_) {
      reactor_.in_turn_ = true;
    }
    ~Turn() {
      if (outer_) return;
      reactor_.run_posted();
      reactor_.in_turn_ = false;
    }
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;

   private:
    Reactor& reactor_;
    const bool outer_;
  };

  Reactor();
  ~Reactor();
  Reactor(const Reactor&) = delete;
  Reactor& operator=(const Reactor&) = delete;

  boost::asio::io_context& context() { return context_; }
  void post(Task task);
  void post_at_turn_end(Task task);
  void post_remote(Task task);
  void run();
  void stop() { context_.stop(); }
  // Destroys waiting tasks without running them; what they own must be gone before what it uses.
  void drop_tasks();

 private:
  void schedule_drain();
  void run_posted();
  void run_each(std::vector<Task>& tasks);
  void run_turn_end();
  void run_remote();

  boost::asio::io_context context_;
  boost::asio::executor_work_guard<Executor> work_;
  // Each queue with the one that is run, kept for its capacity.
  std::vector<Task> posted_, posted_running_;
  std::vector<Task> turn_end_, turn_end_running_;
  bool in_turn_ = false;
  bool drain_scheduled_ = false;
  std::mutex remote_mutex_;
  std::vector<Task> remote_;  // guarded by remote_mutex_
  std::vector<Task> remote_running_;
};

}  // namespace posthorn::io

// Posted tasks run right after the handler that posted them, without a trip through epoll; only
// a long chain of them is cut, so that sockets get their turn.
#include "io/linux/reactor.h"

#include <boost/asio/post.hpp>

namespace posthorn::io {
namespace {

// A task may post the next one; after so many generations the sockets are looked at in between.
constexpr int kGenerationsMax = 16;

}  // namespace

// The hint 1 says that one thread runs the context: Asio then wakes no other thread. Posting from
// other threads stays safe.
Reactor::Reactor() : context_(1), work_(context_.get_executor()) {}

Reactor::~Reactor() { drop_tasks(); }

void Reactor::post(Task task) {
  posted_.push_back(std::move(task));
  if (!in_turn_) schedule_drain();
}

void Reactor::schedule_drain() {
  if (std::exchange(drain_scheduled_, true)) return;
  boost::asio::post(context_, [this] {
    drain_scheduled_ = false;
    const Turn turn(*this);
  });
}

void Reactor::post_at_turn_end(Task task) {
  turn_end_.push_back(std::move(task));
  if (turn_end_.size() > 1) return;
  // Asio queues this behind everything that is ready now.
  boost::asio::post(context_, [this] { run_turn_end(); });
}

void Reactor::post_remote(Task task) {
  {
    const std::lock_guard<std::mutex> hold(remote_mutex_);
    remote_.push_back(std::move(task));
    if (remote_.size() > 1) return;
  }
  boost::asio::post(context_, [this] { run_remote(); });
}

void Reactor::run() {
  context_.run();
  context_.restart();  // after the run: a stop() that comes before the next one still counts
}

void Reactor::drop_tasks() {
  // A destroyed task may post another one.
  while (!posted_.empty() || !turn_end_.empty()) {
    std::exchange(posted_, {}).clear();
    std::exchange(turn_end_, {}).clear();
  }
  std::vector<Task> remote;
  {
    const std::lock_guard<std::mutex> hold(remote_mutex_);
    remote.swap(remote_);
  }
}

void Reactor::run_posted() {
  for (int generation = 0; !posted_.empty(); ++generation) {
    if (generation == kGenerationsMax) return schedule_drain();
    posted_running_.swap(posted_);
    for (Task& task : posted_running_) task();
    posted_running_.clear();
  }
}

// Runs `tasks`, each followed by what it posted, then empties them.
void Reactor::run_each(std::vector<Task>& tasks) {
  for (Task& task : tasks) {
    task();
    run_posted();
  }
  tasks.clear();
}

void Reactor::run_turn_end() {
  const Turn turn(*this);
  turn_end_running_.swap(turn_end_);
  run_each(turn_end_running_);
}

void Reactor::run_remote() {
  const Turn turn(*this);
  {
    const std::lock_guard<std::mutex> hold(remote_mutex_);
    remote_running_.swap(remote_);
  }
  run_each(remote_running_);
}

}  // namespace posthorn::io

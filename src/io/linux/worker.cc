// A thread that runs tasks in order. It takes all that wait at once, so that the lock is taken
// once for many tasks.
#include "io/linux/worker.h"

#include <pthread.h>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

namespace posthorn::io {
namespace {

class LinuxWorker final : public Worker {
 public:
  LinuxWorker(const std::string& name, size_t capacity)
      : capacity_(capacity), thread_([this] { run(); }) {
    ::pthread_setname_np(thread_.native_handle(), name.substr(0, 15).c_str());
  }

  LinuxWorker(const LinuxWorker&) = delete;
  LinuxWorker& operator=(const LinuxWorker&) = delete;
  ~LinuxWorker() override {
    {
      const std::lock_guard<std::mutex> hold(mutex_);
      ending_ = true;
    }
    wake_.notify_one();
    thread_.join();
  }

  bool post(Task task) override {
    bool sleeping = false;
    {
      const std::lock_guard<std::mutex> hold(mutex_);
      if (unstarted_.load(std::memory_order_relaxed) >= capacity_) return false;
      unstarted_.fetch_add(1, std::memory_order_relaxed);
      waiting_.push_back(std::move(task));
      sleeping = std::exchange(sleeping_, false);
    }
    if (sleeping) wake_.notify_one();
    return true;
  }

 private:
  void run() {
    std::vector<Task> running;
    while (take(running)) {
      for (Task& task : running) {
        unstarted_.fetch_sub(1, std::memory_order_relaxed);
        Task current = std::move(task);  // destroyed when it has run, not with its neighbours
        current();
      }
      running.clear();
    }
  }

  // Waits for tasks; false when none will come any more.
  bool take(std::vector<Task>& into) {
    std::unique_lock<std::mutex> hold(mutex_);
    while (waiting_.empty()) {
      if (ending_) return false;
      sleeping_ = true;
      wake_.wait(hold);
    }
    sleeping_ = false;
    into.swap(waiting_);
    return true;
  }

  const size_t capacity_;
  std::atomic<size_t> unstarted_ = 0;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<Task> waiting_;  // guarded by mutex_
  bool sleeping_ = false;      // guarded by mutex_; the thread needs a notification
  bool ending_ = false;        // guarded by mutex_
  std::thread thread_;         // last: it uses all of the above
};

}  // namespace

std::unique_ptr<Worker> make_linux_worker(const std::string& name, size_t capacity) {
  return std::make_unique<LinuxWorker>(name, capacity);
}

}  // namespace posthorn::io

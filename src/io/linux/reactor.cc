// One turn: wait, what other threads posted, what is ready, timers. Posted tasks run right after
// the handler that posted them; only a long chain of them is cut, so that sockets get their turn.
#include "io/linux/reactor.h"

#include <sys/eventfd.h>

#include <algorithm>
#include <cerrno>

#include "base/check.h"
#include "io/linux/os_error.h"

namespace posthorn::io {
namespace {

// A task may post the next one; after so many generations the sockets are looked at in between.
constexpr int kGenerationsMax = 16;
constexpr int64_t kNsPerMs = 1'000'000;
constexpr int64_t kWaitMsMax = 60'000;

}  // namespace

Reactor::Source::~Source() { reactor_.forget(*this); }

Status Reactor::Source::watch(int fd, uint32_t events) {
  epoll_event about{};
  about.events = events;
  about.data.ptr = this;
  if (::epoll_ctl(reactor_.epoll_.get(), EPOLL_CTL_ADD, fd, &about) == 0) return {};
  return os_error(errno, "watch a descriptor");
}

void Reactor::Source::rewatch(int fd, uint32_t events) {
  epoll_event about{};
  about.events = events;
  about.data.ptr = this;
  CHECK(::epoll_ctl(reactor_.epoll_.get(), EPOLL_CTL_MOD, fd, &about) == 0, "errno {}", errno);
}

void Reactor::Source::unwatch(int fd) {
  ::epoll_ctl(reactor_.epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
  reactor_.forget(*this);
}

void Reactor::Source::again() {
  if (!std::exchange(again_, true)) reactor_.again_.push_back(this);
}

Reactor::Reactor(const Clock& clock)
    : clock_(clock),
      timers_(clock.now()),
      epoll_(::epoll_create1(EPOLL_CLOEXEC)),
      wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  CHECK(epoll_.valid() && wake_.valid(), "no descriptors for a loop: errno {}", errno);
  epoll_event about{};
  // With an edge each write wakes, and nobody has to read the counter.
  about.events = EPOLLIN | EPOLLET;
  about.data.ptr = nullptr;
  CHECK(::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, wake_.get(), &about) == 0, "errno {}", errno);
}

Reactor::~Reactor() { drop_tasks(); }

MonoTime Reactor::now() const {
  if (!in_turn_) return clock_.now();
  if (!now_) now_ = clock_.now();
  return *now_;
}

void Reactor::post_remote(Task task) {
  bool asleep = false;
  {
    const std::lock_guard<std::mutex> hold(remote_mutex_);
    remote_.push_back(std::move(task));
    asleep = std::exchange(asleep_, false);
  }
  if (asleep) wake();
}

void Reactor::wake() const {
  const uint64_t one = 1;
  // It can fail only when the counter is full, which wakes as well.
  [[maybe_unused]] const ssize_t written = ::write(wake_.get(), &one, sizeof one);
}

void Reactor::stop() {
  stopped_.store(true);
  wake();
}

void Reactor::run() {
  while (!stopped_.load()) turn();
  stopped_.store(false);  // after the run: a stop() that comes before the next one still counts
}

// What other threads finished comes first, with a turn's end of its own: peers wait for it, and
// while it goes out they send what the sockets then have in one piece.
void Reactor::turn() {
  ready_at_ = 0;
  ready_end_ = poll(0, wait_ms());
  in_turn_ = true;
  begin_handler();
  run_posted();
  if (run_remote()) {
    run_turn_end();
    ready_end_ = poll(ready_end_, 0);
  }
  run_ready();
  run_again();
  run_timers();
  run_turn_end();
  in_turn_ = false;
}

// Adds what is ready behind the first `count` of ready_; answers how many there are then.
size_t Reactor::poll(size_t count, int timeout_ms) {
  if (count == kReadyMax) return count;
  const int added = ::epoll_wait(epoll_.get(), ready_.data() + count,
                                 static_cast<int>(kReadyMax - count), timeout_ms);
  CHECK(added >= 0 || errno == EINTR, "epoll_wait: errno {}", errno);
  return count + static_cast<size_t>(std::max(added, 0));
}

// How long nothing will happen, as far as this thread knows; from here on a remote task wakes.
int Reactor::wait_ms() {
  if (!posted_.empty() || !turn_end_.empty() || !again_.empty()) return 0;
  {
    const std::lock_guard<std::mutex> hold(remote_mutex_);
    if (!remote_.empty()) return 0;
    asleep_ = true;
  }
  const std::optional<MonoTime> next = timers_.next_expiry();
  if (!next) return -1;
  const int64_t left = std::max<int64_t>((*next - clock_.now()).count(), 0);
  return static_cast<int>(std::min((left + kNsPerMs - 1) / kNsPerMs, kWaitMsMax));
}

void Reactor::run_ready() {
  while (ready_at_ < ready_end_) {
    const epoll_event event = ready_[ready_at_++];
    if (event.data.ptr == nullptr) continue;  // the wake-up, or a source that is gone
    begin_handler();
    static_cast<Source*>(event.data.ptr)->ready(event.events);
    run_posted();
  }
}

void Reactor::run_again() {
  again_running_.swap(again_);
  for (size_t i = 0; i < again_running_.size(); ++i) {
    Source* const source = std::exchange(again_running_[i], nullptr);
    if (source == nullptr) continue;
    source->again_ = false;
    begin_handler();
    source->ready(0);
    run_posted();
  }
  again_running_.clear();
}

void Reactor::run_timers() {
  if (timers_.armed() == 0) return;
  begin_handler();
  timers_.advance(now());
  run_posted();
}

// Whether there was something.
bool Reactor::run_remote() {
  {
    const std::lock_guard<std::mutex> hold(remote_mutex_);
    asleep_ = false;
    remote_running_.swap(remote_);
  }
  if (remote_running_.empty()) return false;
  run_each(remote_running_);
  return true;
}

// What a task of the turn's end adds to it belongs to the same end.
void Reactor::run_turn_end() {
  for (int generation = 0; !turn_end_.empty() && generation < kGenerationsMax; ++generation) {
    turn_end_running_.swap(turn_end_);
    run_each(turn_end_running_);
  }
}

void Reactor::run_posted() {
  for (int generation = 0; !posted_.empty() && generation < kGenerationsMax; ++generation) {
    posted_running_.swap(posted_);
    for (Task& task : posted_running_) task();
    posted_running_.clear();
  }
}

// Runs `tasks`, each followed by what it posted, then empties them.
void Reactor::run_each(std::vector<Task>& tasks) {
  for (Task& task : tasks) {
    begin_handler();
    task();
    run_posted();
  }
  tasks.clear();
}

void Reactor::forget(Source& source) {
  for (size_t i = ready_at_; i < ready_end_; ++i) {
    if (ready_[i].data.ptr == &source) ready_[i].data.ptr = nullptr;
  }
  if (!std::exchange(source.again_, false)) return;
  for (std::vector<Source*>* queue : {&again_, &again_running_}) {
    std::replace(queue->begin(), queue->end(), &source, static_cast<Source*>(nullptr));
  }
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

}  // namespace posthorn::io

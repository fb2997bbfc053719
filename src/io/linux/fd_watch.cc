// A descriptor on the reactor, armed anew for each wait.
#include "io/linux/fd_watch.h"

#include "base/log.h"

namespace posthorn::io {
namespace {

constexpr std::array<uint32_t, 2> kBits = {EPOLLIN, EPOLLOUT};
constexpr uint32_t kFailed = EPOLLERR | EPOLLHUP;

}  // namespace

FdWatch::~FdWatch() {
  if (watched_) unwatch(fd_);
}

void FdWatch::wait(Event event, Task on_ready) {
  on_ready_[static_cast<size_t>(event)] = std::move(on_ready);
  arm();
}

void FdWatch::cancel() {
  for (Task& task : on_ready_) task = nullptr;
}

// One shot: a descriptor whose readiness nobody takes away is reported once, not in each turn.
void FdWatch::arm() {
  uint32_t wanted = 0;
  for (size_t which = 0; which < on_ready_.size(); ++which) {
    if (on_ready_[which]) wanted |= kBits[which];
  }
  if (wanted == 0) return;
  if (watched_) return rewatch(fd_, wanted | EPOLLONESHOT);
  const Status added = watch(fd_, wanted | EPOLLONESHOT);
  if (!added.ok()) log(LogLevel::kError, "io", "{}", added.error().message);
  watched_ = added.ok();
}

// Tells one wait; a second one is reported again, because its callback may have been cancelled by
// the first.
void FdWatch::ready(uint32_t events) {
  for (size_t which = 0; which < on_ready_.size(); ++which) {
    if (!on_ready_[which] || (events & (kBits[which] | kFailed)) == 0) continue;
    Task told = std::exchange(on_ready_[which], nullptr);
    arm();
    return told();
  }
  arm();
}

}  // namespace posthorn::io

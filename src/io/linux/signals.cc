// Stop signals through a signalfd and a thread that waits for it.
#include "io/linux/signals.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <csignal>
#include <thread>

#include "base/check.h"
#include "io/linux/descriptor.h"

namespace posthorn::io {

struct StopSignals::Watcher {
  Descriptor signals;
  Descriptor end;
  std::thread thread;
};

StopSignals::StopSignals() : watcher_(std::make_unique<Watcher>()) {
  std::signal(SIGPIPE, SIG_IGN);
  sigset_t stop;
  sigemptyset(&stop);
  sigaddset(&stop, SIGTERM);
  sigaddset(&stop, SIGINT);
  CHECK(pthread_sigmask(SIG_BLOCK, &stop, nullptr) == 0);
  watcher_->signals = Descriptor(::signalfd(-1, &stop, SFD_CLOEXEC));
  watcher_->end = Descriptor(::eventfd(0, EFD_CLOEXEC));
  CHECK(watcher_->signals.get() >= 0 && watcher_->end.get() >= 0);
}

StopSignals::~StopSignals() { unwatch(); }

void StopSignals::unwatch() {
  if (!watcher_->thread.joinable()) return;
  const uint64_t one = 1;
  CHECK(::write(watcher_->end.get(), &one, sizeof one) == sizeof one);
  watcher_->thread.join();
}

void StopSignals::watch(std::function<void()> on_signal) {
  watcher_->thread = std::thread([watcher = watcher_.get(), on_signal = std::move(on_signal)] {
    pollfd waits[] = {{watcher->signals.get(), POLLIN, 0}, {watcher->end.get(), POLLIN, 0}};
    while (true) {
      if (::poll(waits, 2, -1) < 0) continue;
      if (waits[1].revents != 0) return;
      signalfd_siginfo info{};
      if (::read(watcher->signals.get(), &info, sizeof info) == sizeof info) on_signal();
    }
  });
}

}  // namespace posthorn::io

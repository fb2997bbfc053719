// SIGTERM and SIGINT as calls, instead of the end of the process. Made by app/ before any thread
// starts, so that every thread inherits the mask. SIGPIPE is ignored from then on.
#pragma once
#include <functional>
#include <memory>

namespace posthorn::io {

class StopSignals {
 public:
  StopSignals();
  ~StopSignals();  // like unwatch()
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;

  // Calls `on_signal` for each signal, on a thread of its own. Once; signals that came before are
  // not lost.
  void watch(std::function<void()> on_signal);
  // Nobody is called when it returns: what `on_signal` uses may go. A signal that comes later is
  // held back until the process ends.
  void unwatch();

 private:
  struct Watcher;
  std::unique_ptr<Watcher> watcher_;
};

}  // namespace posthorn::io

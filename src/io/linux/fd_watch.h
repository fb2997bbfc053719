// Waits until a descriptor is readable or writable, once for each wait. For descriptors that are
// rarely ready: the listener's and the resolver's.
#pragma once
#include <array>
#include <cstdint>

#include "base/function.h"
#include "io/linux/reactor.h"

namespace posthorn::io {

// Destroying it cancels the waits without calling back; it may happen inside a callback. The
// descriptor stays the owner's and must be open until then.
class FdWatch final : private Reactor::Source {
 public:
  enum class Event : uint8_t { kReadable, kWritable };

  FdWatch(Reactor& reactor, int fd) : Source(reactor), fd_(fd) {}
  ~FdWatch() override;
  FdWatch(const FdWatch&) = delete;
  FdWatch& operator=(const FdWatch&) = delete;

  // Calls back once. One wait per event at a time; also called back when the descriptor fails.
  void wait(Event event, Task on_ready);
  // Forgets all waits.
  void cancel();

 private:
  void ready(uint32_t events) override;
  void arm();

  const int fd_;
  bool watched_ = false;
  std::array<Task, 2> on_ready_;
};

}  // namespace posthorn::io

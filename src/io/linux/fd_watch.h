// Waits until a descriptor is readable or writable. Used by the listener and the resolver; hides
// Asio from them.
#pragma once
#include <cstdint>
#include <memory>

#include "base/function.h"

namespace posthorn::io {

class Reactor;

// Destroying it cancels the waits without calling back; it may happen inside a callback. The
// descriptor stays the owner's and must be open until then.
class FdWatch {
 public:
  enum class Event : uint8_t { kReadable, kWritable };

  FdWatch(Reactor& reactor, int fd);
  ~FdWatch();
  FdWatch(const FdWatch&) = delete;
  FdWatch& operator=(const FdWatch&) = delete;

  // Calls back once. One wait per event at a time; also called back when the descriptor fails.
  void wait(Event event, Task on_ready);
  // Forgets all waits.
  void cancel();

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace posthorn::io

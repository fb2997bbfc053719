// One event loop = one thread = one shard. Everything reached through it is used on its thread,
// except post_remote(), stop() and the clock.
#pragma once
#include <memory>
#include <string>

#include "base/function.h"
#include "io/clock.h"

namespace posthorn::io {

class Net;
class Tls;
class Resolver;
class TimerWheel;

class Loop {
 public:
  virtual ~Loop() = default;
  virtual const Clock& clock() const = 0;
  // The clock as the current handler found it, read at most once for each: for deadlines and
  // durations of many small steps. Loop thread only.
  virtual MonoTime now() const { return clock().now(); }
  virtual Net& net() = 0;
  virtual Resolver& resolver() = 0;
  virtual TimerWheel& timers() = 0;

  // Runs `task` right after the current handler, in order. Loop thread only.
  virtual void post(Task task) = 0;
  // Runs `task` when the handlers that are ready now have run: for work that they share, such as
  // handing over what all of them gathered. Loop thread only.
  virtual void post_at_turn_end(Task task) = 0;
  // The same from any thread; wakes the loop. Callers bound what they post (see Mailbox).
  virtual void post_remote(Task task) = 0;

  // Runs handlers on the calling thread until stop().
  virtual void run() = 0;
  // Thread-safe.
  virtual void stop() = 0;
};

}  // namespace posthorn::io

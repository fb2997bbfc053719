// A thread for blocking work (the commit thread, the readers); simulated as events in virtual
// time.
#pragma once
#include <memory>
#include <string>

#include "base/function.h"

namespace posthorn::io {

// Runs tasks one after another in order on its own thread. Destroying it finishes what is queued,
// then joins.
class Worker {
 public:
  virtual ~Worker() = default;
  // Thread-safe; never blocks on the work. False when `capacity` tasks wait: the task is dropped.
  virtual bool post(Task task) = 0;
};

}  // namespace posthorn::io

// Hands each new snapshot to every attached loop and tells when all of them have it.
#pragma once
#include <atomic>
#include <memory>
#include <vector>

#include "base/function.h"
#include "catalog/snapshot.h"
#include "io/guarded.h"
#include "io/loop.h"

namespace posthorn::catalog {

class Publisher {
 public:
  using Receive = UniqueFunction<void(SnapshotRef)>;

  Publisher() = default;
  // Loops that have not received yet are left alone: no callback runs after this, provided that
  // the loops have ended or that this is their thread.
  ~Publisher();
  Publisher(const Publisher&) = delete;
  Publisher& operator=(const Publisher&) = delete;

  SnapshotRef current() const;
  // Before the loop runs or on its thread. `receive` is called at once with the current snapshot,
  // then on the loop with each newer one, in order.
  void attach(io::Loop& loop, Receive receive);
  // One thread at a time. `seen` runs once, on the thread of the loop that was last to receive,
  // or inside this call when no loop is attached.
  void publish(SnapshotRef snapshot, Task seen);

 private:
  struct Attached {
    Attached(io::Loop& l, Receive r) : loop(l), receive(std::move(r)) {}
    io::Loop& loop;
    Receive receive;  // loop thread only
    std::atomic<bool> closed{false};
  };
  struct Wave {
    Wave(size_t count, Task task) : waiting(count), seen(std::move(task)) {}
    std::atomic<size_t> waiting;
    Task seen;
  };
  struct State {
    SnapshotRef current;
    std::vector<std::shared_ptr<Attached>> loops;
  };

  io::Guarded<State> state_;
};

}  // namespace posthorn::catalog

// What a process gets from its machine, in one place: the real form is io/linux/host.h, the
// simulated one io/sim/world.h. Built by app/ and by tests; handed down by reference.
#pragma once
#include <memory>
#include <string>

#include "base/result.h"
#include "io/clock.h"
#include "io/disk.h"
#include "io/entropy.h"
#include "io/loop.h"
#include "io/tls.h"
#include "io/worker.h"

namespace posthorn::io {

class Host {
 public:
  virtual ~Host() = default;
  virtual const Clock& clock() const = 0;
  virtual Entropy& entropy() = 0;
  virtual Disk& disk() = 0;
  // `capacity`: how many tasks may wait.
  virtual std::unique_ptr<Worker> make_worker(const std::string& name, size_t capacity) = 0;
  // The loop is made here and run by its thread; in simulation all loops share one.
  virtual std::unique_ptr<Loop> make_loop() = 0;
  // One per loop, which must outlive it (session caches are not shared between threads).
  virtual Result<std::unique_ptr<Tls>> make_tls(Loop& loop, const TlsClientOptions& client,
                                                const TlsServerOptions& server) = 0;
};

}  // namespace posthorn::io

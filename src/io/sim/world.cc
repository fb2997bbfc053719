// A simulated machine, put together.
#include "io/sim/world.h"

#include "io/sim/disk.h"
#include "io/sim/loop.h"
#include "io/sim/worker.h"

namespace posthorn::io::sim {

World::World(uint64_t seed)
    : schedule_(seed),
      clock_(schedule_),
      entropy_(seed + 1),
      network_(schedule_),
      storage_(schedule_),
      names_(schedule_),
      disk_(make_sim_disk(storage_)) {}

World::~World() { schedule_.end(); }

std::unique_ptr<Worker> World::make_worker(const std::string& /*name*/, size_t capacity) {
  return make_sim_worker(schedule_, capacity);
}

std::unique_ptr<Loop> World::make_loop() {
  return std::make_unique<SimLoop>(schedule_, clock_, network_, names_);
}

Result<std::unique_ptr<Tls>> World::make_tls(Loop& loop, const TlsClientOptions& /*client*/,
                                             const TlsServerOptions& server) {
  return make_sim_tls(loop, tls_verdicts_, !server.certificate_file.empty());
}

bool World::run_until(const std::function<bool()>& done, nanoseconds limit) {
  return schedule_.run_until(done, schedule_.now() + limit);
}

}  // namespace posthorn::io::sim

// A simulated machine with its network, for tests: virtual time, one seed, and everything in it
// deterministic. Same seed and same test: same trace.
#pragma once
#include <functional>
#include <memory>

#include "io/host.h"
#include "io/sim/clock.h"
#include "io/sim/entropy.h"
#include "io/sim/names.h"
#include "io/sim/network.h"
#include "io/sim/schedule.h"
#include "io/sim/storage.h"
#include "io/sim/tls.h"

namespace posthorn::io::sim {

// Loops, workers and what they made must be gone before it. One thread.
class World final : public Host {
 public:
  explicit World(uint64_t seed);
  World(const World&) = delete;
  World& operator=(const World&) = delete;
  ~World() override;

  const SimClock& clock() const override { return clock_; }
  Entropy& entropy() override { return entropy_; }
  Disk& disk() override { return *disk_; }
  std::unique_ptr<Worker> make_worker(const std::string& name, size_t capacity) override;
  std::unique_ptr<Loop> make_loop() override;
  Result<std::unique_ptr<Tls>> make_tls(Loop& loop, const TlsClientOptions& client,
                                        const TlsServerOptions& server) override;

  // Runs events until `done` or until so much virtual time has passed; says whether it is done.
  bool run_until(const std::function<bool()>& done, nanoseconds limit);
  void run_for(nanoseconds time) {
    run_until([] { return false; }, time);
  }

  // The parts, for tests to turn.
  Schedule& schedule() { return schedule_; }
  SimClock& clocks() { return clock_; }
  Network& network() { return network_; }
  Storage& storage() { return storage_; }
  Names& names() { return names_; }
  TlsVerdicts& tls_verdicts() { return tls_verdicts_; }

 private:
  Schedule schedule_;
  SimClock clock_;
  SimEntropy entropy_;
  Network network_;
  Storage storage_;
  Names names_;
  TlsVerdicts tls_verdicts_;
  const std::unique_ptr<Disk> disk_;
};

}  // namespace posthorn::io::sim

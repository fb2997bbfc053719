// Drives a store from a test: opens, appends and waits, restarts. Runs on the simulated machine, so
// a test is one thread and the same every time.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "base/rng.h"
#include "io/sim/world.h"
#include "store/store.h"

namespace posthorn::store {

class StoreDriver {
 public:
  StoreDriver(io::sim::World& world, std::string engine);
  ~StoreDriver();
  StoreDriver(const StoreDriver&) = delete;
  StoreDriver& operator=(const StoreDriver&) = delete;

  // Small limits that a test may change before open().
  StoreOptions options;

  // Opens anew; a store that was open is closed first.
  Status open();
  Status close();
  // As after a crash of the process: nothing is closed, written or answered any more.
  void abandon();
  Store& store() { return *store_; }
  MessageLog& log() { return store_->log(); }
  AttemptHistory& history() { return store_->history(); }
  io::Loop& loop() { return *loop_; }

  // Appends and waits for the answer.
  AppendResult append(Batch batch);
  // Starts an append; the answer goes to `to`, which must outlive it.
  Status start(Batch batch, std::optional<AppendResult>& to);
  // Takes messages out whose keys the sealed tiers have, as intake does before it appends; the
  // committer checks the recent ones.
  Status drop_known(Batch& batch);
  // Lets everything that was started come to its end.
  void settle();
  // Runs maintenance until it has nothing to do.
  Status maintain();

  // One message, appended; null when it was not committed.
  MessageRef post(model::Message message);
  // One attempt or command, appended; a failure fails the test.
  model::Attempt attempt(model::Attempt attempt);
  Seq command(model::Command command);

  int fatal_calls = 0;

 private:
  io::sim::World& world_;
  std::unique_ptr<io::Loop> loop_;
  std::unique_ptr<Store> store_;
};

// --- values for tests
AppId test_app(uint64_t number);
EndpointId test_endpoint(uint64_t number);
model::DedupeKey test_key(uint64_t number);
model::Targets targets(const std::vector<uint64_t>& endpoints);
model::Message message_to(uint64_t app, const std::vector<uint64_t>& endpoints,
                          std::string payload = "{}");
model::Attempt attempt_of(const model::Message& message, uint64_t endpoint,
                          model::DeliveryState state_after);
Batch batch_of(model::Message message);

}  // namespace posthorn::store

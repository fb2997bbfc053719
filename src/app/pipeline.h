// The way of a message behind its commit, for one shard: attempt → decide → settle → reschedule.
// The one place where schedule/, deliver/ and record/ meet.
#pragma once
#include <memory>

#include "base/rng.h"
#include "catalog/snapshot.h"
#include "deliver/deliverer.h"
#include "http/client.h"
#include "model/retry_policy.h"
#include "record/settle.h"
#include "schedule/policy.h"
#include "schedule/scheduler.h"

namespace posthorn::app {

struct PipelineDeps {
  io::Loop& loop;
  io::Tls* tls;
  io::Worker& reader;
  store::Store& store;
  size_t shard = 0;
  size_t shards = 1;
  uint64_t seed = 0;  // of the retry jitter
};

struct PipelineOptions {
  deliver::DeliverOptions deliver;
  model::RetryPolicy retry;
  schedule::SchedulerLimits scheduler;
  http::ClientLimits client;
};

class Pipeline {
 public:
  Pipeline(PipelineDeps deps, const PipelineOptions& options);
  ~Pipeline();
  Pipeline(const Pipeline&) = delete;
  Pipeline& operator=(const Pipeline&) = delete;

  // The configuration to use from now on; the first one before begin().
  void configure(catalog::SnapshotRef snapshot);
  const catalog::SnapshotRef& snapshot() const { return snapshot_; }
  // Takes over what the log remembers of this shard's lanes and starts to deliver.
  void begin(const std::vector<store::LaneRecord>& lanes);
  // Starts no new attempt; `done` runs when every attempt has ended and is recorded.
  void drain(Task done);
  // Deliveries of a lane up to a place have ended in the log.
  void expired(const model::Command& expire) {
    scheduler_.ended_through(expire.endpoint, expire.app, expire.through);
  }
  size_t in_flight() const { return scheduler_.in_flight(); }

 private:
  struct Flight;  // an attempt under way; pooled
  void attempt(model::Send taken);
  void ended(Flight& flight, model::Outcome outcome);
  void abandon(Flight& flight);
  void settle(Flight& flight, const model::Next& next);
  Flight& take_flight(model::Send taken);
  bool may_send(const EndpointId& endpoint) const;

  PipelineDeps deps_;
  const model::RetryPolicy retry_;
  Rng rng_;
  catalog::SnapshotRef snapshot_;
  std::vector<std::unique_ptr<Flight>> flights_;
  std::vector<Flight*> free_flights_;
  http::Client client_;
  deliver::Deliverer deliverer_;
  record::Settle settle_;
  schedule::Scheduler scheduler_;
};

}  // namespace posthorn::app

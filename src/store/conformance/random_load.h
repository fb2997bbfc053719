// Random operations on a store that make sense: attempts of messages that exist, floors that are
// true, answers to what is due. Same seed and same answers: same operations.
#pragma once
#include "base/rng.h"
#include "store/conformance/model_twin.h"
#include "store/conformance/store_driver.h"

namespace posthorn::store {

struct LoadMix {
  bool resends = true;  // commands whose effect depends on the time the store gave them
  size_t payload_bytes_max = 2000;
};

class RandomLoad {
 public:
  RandomLoad(uint64_t seed, LoadMix mix) : rng_(seed), mix_(mix) {}
  // The next batch: messages, attempts on what the model holds, now and then a command.
  Batch next(const MemoryModel& model, WallTime now);
  Rng& rng() { return rng_; }

 private:
  model::Message message(WallTime now);
  std::optional<model::Attempt> attempt(const MemoryModel& model, WallTime now);
  std::optional<model::Command> command(const MemoryModel& model);
  MessageRef any_message(const MemoryModel& model);

  Rng rng_;
  LoadMix mix_;
  uint64_t keys_ = 0;
};

// Appends the next batch of the load as intake would, and tells the twin what came of it.
AppendResult append_next(RandomLoad& load, StoreDriver& driver, ModelTwin& twin);

}  // namespace posthorn::store

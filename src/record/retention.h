// What retention appends to the log: deliveries that were held for too long end dead: expired, with
// a command of their lane; payloads whose own time is over are expunged once no delivery waits for
// them. Decides only; app/upkeep.h asks, appends and tells the lanes.
#pragma once
#include <vector>

#include "model/command.h"
#include "store/retention_index.h"

namespace posthorn::record {

struct RetentionLimits {
  seconds hold_limit{14 * 24 * 3600};
  size_t commands_max = 256;  // of each kind in one step
};

class Retention {
 public:
  explicit Retention(const RetentionLimits& limits) : limits_(limits) {}

  // What is over at `now`; reads the store, blocks. Where there are commands, ask again once these
  // are in the log. One thread at a time: payloads that are waited for are looked at in turns.
  Result<std::vector<model::Command>> over(store::RetentionIndex& index, WallTime now);

 private:
  Status add_expired(store::RetentionIndex& index, WallTime now, std::vector<model::Command>& to);
  Status add_payloads(store::RetentionIndex& index, WallTime now, std::vector<model::Command>& to);

  const RetentionLimits limits_;
  store::DueEntry looked_at_;  // the last payload
};

}  // namespace posthorn::record

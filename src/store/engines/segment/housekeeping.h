// What the log needs done beside being written: sealing full segments, key files, checkpoints, the
// reserve of prepared segments, merging, retention. Runs on the engine's background worker and in
// Store::maintain(), one of them at a time.
#pragma once
#include <functional>
#include <memory>

#include "io/host.h"
#include "store/engines/segment/checkpoint_state.h"
#include "store/engines/segment/dedupe_tiers.h"
#include "store/engines/segment/repair.h"
#include "store/engines/segment/segment_retention.h"
#include "store/engines/segment/spare_segments.h"
#include "store/store.h"

namespace posthorn::store::segment {

class Housekeeping {
 public:
  struct Parts {
    io::Host& host;
    const StoreLimits& limits;
    SegmentFiles& files;
    OpenFiles& open_files;
    IndexTiers& tiers;
    DedupeTiers& keys;
    CheckpointStore& checkpoints;
    Ledger& ledger;
    io::Guarded<Live>& live;
    SpaceWatch& space;
    SegmentRetention& retention;
    // Of a due entry, while the ledger is held.
    std::function<Result<bool>(const DueEntry&, Outcomes&)> is_live;
    IsLive has_message;  // of the end of a payload
  };
  Housekeeping(Parts parts, SegmentNumber last_prepared)
      : parts_(std::move(parts)),
        repair_({parts_.files, parts_.tiers, parts_.keys, parts_.ledger, parts_.live}),
        state_(State(last_prepared, parts_.files)) {}

  // After a segment became full or a table of keys did. Failures are logged and tried again.
  void after_roll();
  // One bounded step of everything else; true when there is more to do.
  Result<bool> step();
  Status checkpoint();

 private:
  struct State {
    State(SegmentNumber prepared, SegmentFiles& files) : last_prepared(prepared), spares(files) {}
    SegmentNumber last_prepared;
    std::vector<std::shared_ptr<const KeyTable>> written_keys;  // in files, still looked up
    SpareSegments spares;
    bool spares_loaded = false;
    // Where the log ended at the last checkpoint and at the one before: recovery from either reads
    // no segment below.
    SegmentNumber checkpointed;
    SegmentNumber checkpointed_before;
  };
  Status write_keys(State& state);
  void prepare_reserve(State& state);
  Status prepare(State& state, SegmentNumber number);
  Result<bool> keep_up(State& state);
  Result<bool> retire(State& state);
  Status take_out(State& state, SegmentNumber segment);
  Status seal_full();
  Status checkpoint(State& state);

  Parts parts_;
  Repair repair_;
  io::Guarded<State> state_;  // one at a time; held across writes, never by loops or committer
};

}  // namespace posthorn::store::segment

// What a checkpoint of the log holds: where it was taken, the lanes, and the sections of outcomes
// and due runs. Written by housekeeping, read by recovery. Grammar: docs/formats/checkpoint.md.
#pragma once
#include <memory>

#include "store/engines/segment/checkpoint_file.h"
#include "store/engines/segment/due_runs.h"
#include "store/engines/segment/live_state.h"
#include "store/engines/segment/outcomes.h"

namespace posthorn::store::segment {

// The part that must be taken at one group: encoded at once, written at leisure.
struct CheckpointSnapshot {
  std::string end;
  std::string lanes;
};
CheckpointSnapshot take_snapshot(const Live& live);

// What must be as of the snapshot's group.
struct CheckpointParts {
  Outcomes& outcomes;
  DueRuns& due;
  DueRuns& payloads;
};
// Flushes the parts and commits.
Status write_checkpoint(CheckpointStore& store, const CheckpointSnapshot& snapshot,
                        const CheckpointParts& parts);

// What recovery starts from.
struct CheckpointContents {
  LogEnd end;
  LaneFold lanes;
  std::string outcomes_section;
  std::string due_section;
  std::string payloads_section;
};
// kCorrupt or kNotFound: this checkpoint is of no use.
Result<CheckpointContents> read_checkpoint(const Checkpoint& checkpoint);

}  // namespace posthorn::store::segment

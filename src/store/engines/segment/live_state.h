// The state in memory that every committed record changes: lanes, recent keys, the index of
// the open segment, and the follow-ups that wait. Changed a whole group at a time, by the committer
// and by recovery, which apply the same functions; guarded by the engine.
#pragma once
#include <memory>
#include <set>
#include <vector>

#include "model/message.h"
#include "store/engines/segment/follow_up.h"
#include "store/engines/segment/open_index.h"
#include "store/engines/segment/recent_keys.h"
#include "store/lane_fold.h"

namespace posthorn::store::segment {

// A segment whose index is in memory.
struct Unsealed {
  std::shared_ptr<OpenIndex> index;
  Seq first;  // no record of it is below
};

// Where the log ends.
struct LogEnd {
  SegmentNumber segment;
  uint64_t offset = 0;  // of the next group
  uint64_t group = 0;   // the newest one
  Seq last;             // the newest record
  IdBytes last_id;
  WallTime last_time;
};

struct Live {
  explicit Live(size_t keys_max) : keys(keys_max) {}

  LaneFold lanes;
  RecentKeys keys;
  Unsealed open;
  std::vector<LaneFold::Slots> set_slots;  // by set of the open segment
  std::vector<Unsealed> sealing;           // full, not in the index tiers yet; ascending
  std::vector<FollowUp> follow_ups;
  std::vector<std::shared_ptr<const KeyTable>> frozen_keys;  // full tables to be written out
  uint64_t key_tables_written = 0;                           // in key files since the start …
  uint64_t key_tables_released = 0;  // of those: not held by the committer any more
  std::set<Seq> erasing;             // messages and attempts whose bytes are about to be zeroed
  LogEnd end;
};

// What an attempt says of its delivery; its place is left to be looked up.
NewOutcome outcome_of(const model::Attempt& attempt);

// Remembers a key; a full table is frozen first.
void insert_key(Live& live, const model::DedupeKey& key, Seq seq, WallTime at);

// Where a record of the open segment lies.
struct Placed {
  uint32_t offset = 0;
  uint32_t set = 0;  // messages
};

// Enters a record into the index of its segment; answers as the index does.
DeliveryOrdinal index_record(OpenIndex& index, const model::Message& message, const Placed& at);
std::optional<DeliveryOrdinal> index_record(OpenIndex& index, const model::Attempt& attempt,
                                            const Placed& at);

void apply_set(Live& live, uint32_t set, const model::Targets& targets);
// Records carry seq, id and time. `indexed_only`: the folds have it already (a checkpoint), only
// the index of the open segment is behind.
void apply_record(Live& live, const model::Message& message, const Placed& at,
                  bool indexed_only = false);
void apply_record(Live& live, const model::Attempt& attempt, const Placed& at,
                  bool indexed_only = false);
void apply_record(Live& live, const model::Command& command, const Placed& at,
                  bool indexed_only = false);

// The open segment is full: its index waits for being sealed, `next` is written from now on.
void roll(Live& live, SegmentNumber next);

}  // namespace posthorn::store::segment

// The standing of every delivery of the log: one sidecar a segment with a byte per delivery and
// counts per (endpoint, state). Changed sidecars are written whole, as a new generation, at
// checkpoints; a checkpoint names the generations it belongs to. Grammar: docs/formats/outcomes.md.
#pragma once
#include <array>
#include <memory>
#include <string>
#include <vector>

#include "store/engines/segment/block_cache.h"
#include "store/engines/segment/index_reader.h"
#include "store/engines/segment/outcome_byte.h"

namespace posthorn::store::segment {

struct DeliveryPlace {
  SegmentNumber segment;
  DeliveryOrdinal delivery = 0;
};

// Deliveries by model::DeliveryState (index 0 is unused).
using StateCounts = std::array<uint32_t, 6>;

struct OutcomesOptions {
  std::string directory;
  size_t memory_bytes_max = 48u << 20;  // of sidecars in memory; see wants_flush()
};

// Queries: any thread but the loops. Changes: one thread at a time, beside queries.
class Outcomes {
 public:
  // `section` is what section() gave to the checkpoint that recovery starts from; empty: none.
  // kCorrupt when it cannot be read. That the files it names exist is the checkpoint's matter; a
  // damaged one shows when it is read.
  static Result<std::unique_ptr<Outcomes>> open(io::Disk& disk, BlockCache& cache,
                                                OutcomesOptions options, ByteView section);
  virtual ~Outcomes() = default;

  // The next deliveries of a segment, all pending and untried, one per endpoint of the set.
  // `first` is the ordinal that OpenIndex::add_message answered; deliveries that are there already
  // (a replay) are left as they are.
  // Reads the disk when the segment's sidecar is not in memory (after a restart).
  virtual Status extend(DeliveryPlace first, const model::TargetSet& targets) = 0;
  // Segments whose sidecar was found damaged, or was said to be. Queries that need it answer
  // kUnavailable until it is told anew: restart(), then extend() and set().
  virtual std::vector<SegmentNumber> damaged() const = 0;
  // No error when nothing is known of the segment.
  virtual void mark_damaged(SegmentNumber segment) = 0;
  // Forgets what is known of a segment: it is gone, or is to be told anew.
  // Its files go with the checkpoints that name them.
  virtual void restart(SegmentNumber segment) = 0;
  // kNotFound when there is no such delivery.
  virtual Result<Standing> get(DeliveryPlace place) = 0;
  // Answers the standing before. Idempotent, so a replay ends where the first run did.
  virtual Result<Standing> set(DeliveryPlace place, const EndpointId& endpoint,
                               const Standing& standing) = 0;
  // True when sidecars in memory that wait for a checkpoint pass the limit.
  virtual bool wants_flush() const = 0;

  // False: certainly no delivery of the endpoint is in this state. Memory only.
  virtual bool may_have(SegmentNumber segment, uint64_t endpoint_tail,
                        model::DeliveryState state) const = 0;
  virtual Result<StateCounts> counts(SegmentNumber segment, uint64_t endpoint_tail) = 0;
  // Of all endpoints of the segment. Memory only.
  virtual StateCounts totals(SegmentNumber segment) const = 0;
  // Ordinals in [from, to) in this state, ascending or descending, at most `limit`.
  struct StateScan {
    SegmentNumber segment;
    model::DeliveryState state = model::DeliveryState::kPending;
    DeliveryOrdinal from = 0;
    DeliveryOrdinal to = ~0u;
    bool ascending = false;
    size_t limit = 64;
  };
  virtual Result<std::vector<DeliveryOrdinal>> in_state(const StateScan& scan) = 0;

  // Writes every changed sidecar as a new generation, durable on return. The older generation
  // stays on disk: the checkpoints remove it (see CheckpointStore::commit).
  virtual Status flush() = 0;
  // For the checkpoint that follows flush(): the generations, totals and filters in memory.
  virtual std::string section() const = 0;
  // Paths of all files that section() names.
  virtual std::vector<std::string> files() const = 0;
  // Those it knows of, ascending.
  virtual std::vector<SegmentNumber> segments() const = 0;
};

}  // namespace posthorn::store::segment

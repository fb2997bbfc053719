// From the newest usable checkpoint and the log behind it to the state at the end of the log.
// Called once, at open.
#pragma once
#include <vector>

#include "store/engines/segment/dedupe_tiers.h"
#include "store/engines/segment/ledger.h"
#include "store/engines/segment/segment_sets.h"

namespace posthorn::store::segment {

// What was found on the way; logged, and shown by the doctor.
struct RecoveryReport {
  uint32_t segments_read = 0;
  uint64_t records_replayed = 0;
  uint32_t damaged_stretches = 0;
  uint32_t records_salvaged = 0;
  uint64_t torn_bytes = 0;
};

class Recovery {
 public:
  struct Parts {
    SegmentFiles& files;
    IndexTiers& tiers;
    DedupeTiers& keys;
    io::Guarded<Live>& live;  // as of the checkpoint; live.end says where that was taken
    Ledger& ledger;
  };
  explicit Recovery(Parts parts) : parts_(parts) {}

  // Reads the log behind the checkpoint into the live state and the ledger, and seals segments
  // whose index is missing.
  Status run();

  const RecoveryReport& report() const { return report_; }
  // Of the open segment, in the order of their numbers.
  const std::vector<model::Targets>& sets() const { return open_sets_; }
  // Prepared files behind the open segment.
  SegmentNumber last_prepared() const { return last_prepared_; }

 private:
  struct Used {
    SegmentNumber number;
    uint64_t generation = 0;
    Seq first_seq;
    uint64_t first_group = 0;
  };
  void forget_taken_out();
  Result<std::vector<Used>> find_used(SegmentNumber from);
  Status rebuild_missing(const std::vector<FoundSegment>& found, SegmentNumber below);
  Seq first_behind(SegmentNumber segment) const;
  Status replay(const Used& segment, const ScanBounds& bounds);
  Status take(uint32_t offset, const model::RecordView& record, SegmentSets& sets);
  Status take_record(const Placed& at, const model::RecordView& record, SegmentSets& sets);
  Status seal_replayed();
  void write_out();
  Status write_keys();
  void count(SegmentNumber segment, const ScanResult& result);

  Parts parts_;
  RecoveryReport report_;
  std::vector<FoundSegment> found_;
  std::vector<model::Targets> open_sets_;
  SegmentNumber last_prepared_;
  LogEnd checkpoint_;
  Seq newest_;  // of the records taken from the log
};

}  // namespace posthorn::store::segment

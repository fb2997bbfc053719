// Makes derived files again that turned out to be damaged: indexes, outcome sidecars, due runs,
// key files. All of them follow from the segments, so a repair is a reading of the log; until it
// is done, queries that need the file say kUnavailable. Called by housekeeping.
#pragma once
#include "store/engines/segment/dedupe_tiers.h"
#include "store/engines/segment/ledger.h"
#include "store/engines/segment/segment_replay.h"

namespace posthorn::store::segment {

class Repair {
 public:
  struct Parts {
    SegmentFiles& files;
    IndexTiers& tiers;
    DedupeTiers& keys;
    Ledger& ledger;
    io::Guarded<Live>& live;
  };
  explicit Repair(Parts parts) : parts_(parts) {}

  // Mends one thing; true: a checkpoint should follow, so that none names the old file any more,
  // and there may be more to mend.
  Result<bool> step();

 private:
  Status mend_index(SegmentNumber segment);
  Status mend_due();
  Status add_retries(DueRuns& due);
  Status mend_payloads();
  Status tell_again(std::string_view what, DueRuns& runs, const ReplayVisitor& visit,
                    const Status& told);
  Status mend_keys(const NumberRange& seqs);
  Status write_keys_of(SegmentNumber segment, const NumberRange& seqs);
  // Segments with records in the log now, in order.
  Result<std::vector<SegmentNumber>> written_segments() const;

  Parts parts_;
};

}  // namespace posthorn::store::segment

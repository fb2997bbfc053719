// Answers RetentionIndex for the segment engine: lanes that hold something for too long, payloads
// whose own time is over. Any thread but the loops.
#pragma once
#include <vector>

#include "store/engines/segment/pending_scan.h"
#include "store/retention_index.h"

namespace posthorn::store::segment {

class OverdueReads : public RetentionIndex {
 public:
  struct Parts {
    LogIndex& index;
    Ledger& ledger;
    PendingScan& pending;
    io::Guarded<Live>& live;
  };
  explicit OverdueReads(Parts parts) : parts_(parts) {}

  Result<Seq> last_before(WallTime at) override;
  Result<std::vector<PendingLane>> lanes_pending(Seq through, size_t limit) override;
  Result<OverduePage> payloads_over(const OverdueQuery& query) override;
  // False when the message of an entry has left the log.
  Result<bool> has_message(const DueEntry& entry);

 private:
  Result<bool> is_waited_for(Seq message);

  Parts parts_;
};

}  // namespace posthorn::store::segment

// What the log alone does not say of deliveries in front of a gap in it: the segments that held
// their newest attempts may have left it. Sidecars and due entries know; when one of the two is
// made again from the log, the other fills in what is missing. Called by repairs, while the ledger
// is held.
#pragma once
#include <functional>
#include <map>

#include "store/engines/segment/due_runs.h"
#include "store/engines/segment/log_index.h"
#include "store/engines/segment/outcomes.h"
#include "store/engines/segment/record_reader.h"

namespace posthorn::store::segment {

class GapRepair {
 public:
  struct Parts {
    LogIndex& index;
    RecordReader& reader;
    io::Guarded<Live>& live;
    Outcomes& outcomes;
    DueRuns& due;
  };
  explicit GapRepair(Parts parts) : parts_(parts) {}

  // Of a segment whose sidecar was made again: what was tried and is pending waits for a time. What
  // does not was settled in the gap; it ends dead, with its outcome unknown, and is not sent again.
  Status end_settled(SegmentNumber segment);
  // Of a segment, after the due entries were made again: what is pending and whose newest attempt
  // was in the gap is due at once, since nothing says when it was to be.
  Status add_retries(SegmentNumber segment);

 private:
  struct Pending {
    DeliveryPlace place;
    Seq message;
    EndpointId endpoint;
    Standing standing;
  };
  using Use = std::function<Status(const Pending&)>;
  // Deliveries with a due entry, and the tries made so far.
  using Waiting = std::map<std::pair<Seq, EndpointId>, uint16_t>;
  Result<Waiting> waiting_of(const SegmentSpan& span);
  Status with(const DeliveryPlace& place, const Use& use);
  bool is_settled(const Pending& pending) const;
  Status each_pending(SegmentNumber segment, const Use& use);
  Result<uint16_t> tries_in_log(const Pending& pending);

  Parts parts_;
};

}  // namespace posthorn::store::segment

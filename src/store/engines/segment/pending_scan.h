// The deliveries of a segment that are pending indeed. Its sidecar also calls pending what a
// command has settled since: that is written into the sidecar on the way, so that it is looked at
// once. Blocks; any thread but the loops and the committer.
#pragma once
#include <vector>

#include "store/engines/segment/history_reads.h"

namespace posthorn::store::segment {

struct PendingDelivery {
  Seq message;
  AppId app;
  EndpointId endpoint;
};

struct PendingQuery {
  SegmentNumber segment;
  DeliveryOrdinal from = 0;
  Seq through = kEndOfLog;  // of messages up to here
  size_t limit = 64;
};

struct PendingPage {
  std::vector<PendingDelivery> found;
  DeliveryOrdinal next = 0;  // where to go on
  bool done = false;         // there are no others
};

class PendingScan {
 public:
  struct Parts {
    LogIndex& index;
    Ledger& ledger;
    HistoryReads& history;
    io::Guarded<Live>& live;
  };
  explicit PendingScan(Parts parts) : parts_(parts) {}

  // A bounded step: fewer than the limit does not mean done.
  Result<PendingPage> page(const PendingQuery& query);

  // Whether a delivery that has no outcome of its own is pending still.
  struct Judged {
    bool pending = true;
    model::DeliveryState state = model::DeliveryState::kPending;
    model::DeadCause cause = model::DeadCause::kNone;
    AppId app;
  };
  Result<Judged> judge(Seq message, const EndpointId& endpoint);

 private:
  struct Settled {
    DeliveryOrdinal delivery;
    EndpointId endpoint;
    Judged as;
  };
  Status settle(SegmentNumber segment, const std::vector<Settled>& settled);

  Parts parts_;
};

}  // namespace posthorn::store::segment

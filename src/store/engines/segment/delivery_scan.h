// Lists the deliveries of one endpoint that are in a state, over all sealed segments, going
// through the segments whose counts say that there are some. Used by the attempt history.
#pragma once
#include "store/engines/segment/index_tiers.h"
#include "store/engines/segment/outcomes.h"

namespace posthorn::store::segment {

struct FoundDelivery {
  TargetEntry target;
  Standing standing;
};

// Any thread but the loops. Both must outlive it.
class DeliveryScan {
 public:
  DeliveryScan(IndexTiers& index, Outcomes& outcomes) : index_(index), outcomes_(outcomes) {}
  // The deliveries of query.tail in the range, in the order asked for, at most query.limit. The
  // endpoint's full id is compared.
  Result<std::vector<FoundDelivery>> page(const EntryQuery& query, const EndpointId& endpoint,
                                          model::DeliveryState state);

 private:
  struct Wanted {
    const EntryQuery& query;
    const EndpointId& endpoint;
    model::DeliveryState state;
  };
  Status scan_segment(SegmentNumber number, const Wanted& wanted,
                      std::vector<FoundDelivery>& found);
  Status by_endpoint(SegmentNumber number, const Wanted& wanted, std::vector<FoundDelivery>& found);
  Status by_state(SegmentNumber number, const Wanted& wanted, std::vector<FoundDelivery>& found);

  IndexTiers& index_;
  Outcomes& outcomes_;
};

}  // namespace posthorn::store::segment

// Lists the deliveries of one endpoint that are in a state, going through the segments whose
// counts say that there are some. Used by the attempt history.
#pragma once
#include "store/engines/segment/index_tiers.h"
#include "store/engines/segment/log_index.h"
#include "store/engines/segment/outcomes.h"

namespace posthorn::store::segment {

struct FoundDelivery {
  TargetEntry target;
  Standing standing;
};

// Any thread but the loops. All must outlive it.
class DeliveryScan {
 public:
  DeliveryScan(LogIndex& log, IndexTiers& tiers, Outcomes& outcomes)
      : log_(log), tiers_(tiers), outcomes_(outcomes) {}
  // The deliveries of query.tail in the range, in the order asked for, at most query.limit. The
  // endpoint's full id is compared.
  Result<std::vector<FoundDelivery>> page(const EntryQuery& query, const EndpointId& endpoint,
                                          model::DeliveryState state);

 private:
  struct Wanted {
    EntryQuery query;  // the limit is that of the page
    const EndpointId& endpoint;
    model::DeliveryState state;
  };
  using Found = std::vector<FoundDelivery>;
  Status scan_sealed(Wanted wanted, Found& found);
  Status scan_in_memory(const std::vector<LogIndex::InMemory>& segments, const Wanted& wanted,
                        Found& found);
  // `index` answers for the segment.
  struct Segment {
    SegmentNumber number;
    IndexReader& index;
  };
  Status scan_segment(const Segment& segment, const Wanted& wanted, Found& found);
  Status by_endpoint(const Segment& segment, const Wanted& wanted, Found& found);
  Status by_state(const Segment& segment, const Wanted& wanted, Found& found);

  LogIndex& log_;
  IndexTiers& tiers_;
  Outcomes& outcomes_;
};

}  // namespace posthorn::store::segment

// Attempts and deliveries read back from the log. Any thread but the loops.
#pragma once
#include "store/attempt_history.h"
#include "store/engines/segment/delivery_scan.h"
#include "store/engines/segment/ledger.h"
#include "store/engines/segment/message_reads.h"

namespace posthorn::store::segment {

class HistoryReads {
 public:
  struct Parts {
    LogIndex& index;
    IndexTiers& tiers;
    RecordReader& reader;
    MessageReads& messages;
    Ledger& ledger;
    io::Guarded<Live>& live;
  };
  explicit HistoryReads(Parts parts) : parts_(parts) {}

  Result<model::Attempt> attempt(const AppId& app, const AttemptId& id);
  Result<Page<model::Attempt>> list(const AttemptQuery& query);
  Result<std::vector<model::Delivery>> deliveries(Seq message);
  Result<model::Delivery> delivery(Seq message, const EndpointId& endpoint);
  Result<Page<DeliveryOfMessage>> list(const DeliveryQuery& query);

 private:
  Result<model::Attempt> read_at(const RecordPlace& place);
  Result<Page<model::Attempt>> list_of_message(const AttemptQuery& query);
  Result<Page<model::Attempt>> list_of_endpoint(const AttemptQuery& query);
  // The range of the index that the endpoint's page is in.
  Result<EntryQuery> entries_for(const AttemptQuery& query);
  // Adds the attempt if it is on the page. False: the page ends here, full or at its time bound.
  Result<bool> add_to_page(const AttemptQuery& query, const RecordPlace& place,
                           Page<model::Attempt>& page);
  Result<LastAttempt> last_of(const AttemptEntry& entry, uint16_t count);
  Result<model::Delivery> delivery_of_target(const model::Message& message,
                                             const EndpointId& endpoint);
  Result<Standing> standing_of(Seq message, const EndpointId& endpoint);
  std::optional<LaneRecord> lane(const EndpointId& endpoint) const;
  // The next messages to the endpoint that may have a delivery in the state, in order; fewer than
  // the limit: there are no others in the range.
  Result<std::vector<Seq>> candidates(const DeliveryQuery& query, const EntryQuery& entries);

  Parts parts_;
};

}  // namespace posthorn::store::segment

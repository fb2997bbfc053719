// The simplest index there can be, for comparing the real ones with: vectors and full scans. Also
// makes the traffic that both are filled with.
#pragma once
#include <map>
#include <vector>

#include "base/rng.h"
#include "store/engines/segment/open_index.h"

namespace posthorn::store::segment {

struct ModelMessage {
  RecordPlace place;
  MessageId id;
  AppId app;
  uint32_t set = 0;
  DeliveryOrdinal first_delivery = 0;
  uint32_t type_hash = 0;
  WallTime at;
  model::Targets targets;
};

struct ModelAttempt {
  RecordPlace place;
  AttemptId id;
  EndpointId endpoint;
  Seq message;
  AttemptFacet facet;
};

class IndexModel final : public IndexReader {
 public:
  std::vector<ModelMessage> messages;
  std::vector<ModelAttempt> attempts;

  Result<std::optional<MessageEntry>> message(Seq seq) override;
  Result<std::vector<MessageEntry>> messages_with_id(const MessageId& id) override;
  Result<std::vector<AppEntry>> messages_of_app(const EntryQuery& query) override;
  Result<std::vector<TargetEntry>> messages_to_endpoint(const EntryQuery& query) override;
  Result<std::vector<AttemptEntry>> attempts_to_endpoint(const EntryQuery& query,
                                                         const AttemptFilter& filter) override;
  Result<std::vector<AttemptEntry>> attempts_of_message(const OfMessage& query) override;
  Result<std::vector<AttemptEntry>> attempts_with_id(const AttemptId& id) override;
  Result<model::Targets> target_set(SegmentNumber segment, uint32_t set) override;
  Result<std::optional<DeliveryOrdinal>> delivery(Seq message, const EndpointId& endpoint) override;
  Result<std::optional<MessageEntry>> message_of_delivery(SegmentNumber segment,
                                                          DeliveryOrdinal delivery) override;
  Result<Seq> first_at(WallTime at) override;
  // Drops what lies in these segments.
  void remove(const std::vector<SegmentNumber>& gone);
};

// Apps from busy to nearly silent, each with a few endpoints and sets of them; attempts on new
// messages and now and then on very old ones.
class IndexTraffic {
 public:
  IndexTraffic(uint64_t seed, size_t apps);
  // One segment of so many records, into `model` and into what it answers.
  std::unique_ptr<OpenIndex> segment(size_t records, IndexModel& model);
  const std::vector<AppId>& apps() const { return apps_; }
  const std::vector<EndpointId>& endpoints() const { return endpoints_; }
  Rng& rng() { return rng_; }
  WallTime now() const { return now_; }

 private:
  struct Sets;
  IdBytes next_id();
  void add_message(OpenIndex& index, Sets& sets, IndexModel& model);
  void add_attempt(OpenIndex& index, IndexModel& model);

  Rng rng_;
  WallTime now_;
  uint64_t counter_ = 0;
  uint64_t segment_ = 0;
  uint64_t seq_ = 0;
  std::vector<AppId> apps_;
  std::vector<EndpointId> endpoints_;  // kEndpointsOfApp each, in order of apps_
  std::map<std::pair<size_t, uint32_t>, model::Targets> targets_;  // by app and mask
};

// Asks both the same random questions; EXPECTs equal answers.
void expect_same_answers(IndexModel& model, IndexReader& index, IndexTraffic& traffic,
                         int questions);

}  // namespace posthorn::store::segment

// pure: the reference model of the log: every record in simple maps, every question answered by
// looking at all of them. The memory engine serves from it; tests feed it the records that another
// engine acknowledged and compare the answers.
#pragma once
#include <map>
#include <set>
#include <vector>

#include "model/command.h"
#include "store/attempt_history.h"
#include "store/delivery_fold.h"
#include "store/lane_fold.h"
#include "store/message_log.h"
#include "store/retention_index.h"

namespace posthorn::store {

// What is over. A message goes when it was accepted before `horizon` or, the oldest first, when
// all together have more than `bytes_max`; never with a pending delivery.
struct WhatIsOver {
  WallTime horizon;
  uint64_t bytes_max = ~0ull;
  WallTime keys_before;  // keys of messages that are gone and older
};

class MemoryModel {
 public:
  // Records with seq, id and time as their committer made them, in order of seq.
  void apply(const MessageRef& message);
  void apply(const model::Attempt& attempt);
  void apply(const model::Command& command);

  void retire(const WhatIsOver& over);

  Seq last() const { return last_; }
  const LaneFold& lanes() const { return lanes_; }
  const std::map<Seq, MessageRef>& messages() const { return messages_; }
  const std::map<Seq, model::Attempt>& attempts() const { return attempts_; }

  Result<MessageRef> read(Seq seq) const;
  Result<MessageRef> read(const AppId& app, const MessageId& id) const;
  LaneRead read_lane(const LaneQuery& query) const;
  Page<MessageRef> list(const MessageQuery& query) const;
  std::optional<FirstUse> find_duplicate(const model::DedupeKey& key) const;

  Seq last_before(WallTime at) const;
  std::vector<PendingLane> lanes_pending(Seq through, size_t limit) const;

  OverduePage payloads_over(const OverdueQuery& query) const;

  std::vector<DueEntry> due_page(const DueQuery& query) const;
  uint64_t due_pending() const { return due_.size(); }

  Result<model::Attempt> attempt(const AppId& app, const AttemptId& id) const;
  Page<model::Attempt> list(const AttemptQuery& query) const;
  Result<std::vector<model::Delivery>> deliveries(Seq message) const;
  Result<model::Delivery> delivery(Seq message, const EndpointId& endpoint) const;
  Page<DeliveryOfMessage> list(const DeliveryQuery& query) const;

 private:
  struct KeyUse {
    Seq seq;
    WallTime at;
  };
  bool has_pending(const model::Message& message) const;
  void remove(const MessageRef& message);
  using DueKey = std::tuple<WallTime, Seq, EndpointId>;
  void change_due(const std::vector<DueChange>& changes);
  model::Delivery delivery_at(const model::Message& message, const EndpointId& endpoint) const;

  Seq last_;
  std::map<Seq, MessageRef> messages_;
  std::map<MessageId, Seq> by_id_;
  std::map<Seq, model::Attempt> attempts_;
  std::map<std::pair<Seq, EndpointId>, std::vector<Seq>> attempts_of_;
  std::map<model::DedupeKey, KeyUse> dedupe_;
  std::map<DueKey, DueEntry> due_;
  std::map<DueKey, Seq> payload_ends_;
  LaneFold lanes_;
};

}  // namespace posthorn::store

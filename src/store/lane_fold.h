// pure: lanes folded from the records of the log, in order of seq. The engines call it while they
// run and while they recover, so a checkpoint and the tail behind it give what the whole log gives.
// Not thread-safe; the engine guards it.
#pragma once
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/bytes.h"
#include "model/attempt.h"
#include "model/command.h"
#include "model/message.h"
#include "store/lane_state.h"

namespace posthorn::store {

// What `settled` of a LaneRecord misses: a command that closes a lane below its newest message
// settles an unknown number (they stay counted as pending), and so does a manual try of a pending
// delivery. Counts by state that must be exact come from AttemptHistory.
class LaneFold {
 public:
  // Numbers of lanes, stable for the life of the fold: callers that see the same target set again
  // and again look its lanes up once.
  using Slots = std::vector<uint32_t>;
  Slots slots_of(const model::TargetSet& targets, const AppId& app);

  void apply(const model::Message& message);
  // The same with slots_of(*message.targets, message.app) at hand.
  void apply(const model::Message& message, std::span<const uint32_t> slots);
  void apply(const model::Attempt& attempt);
  void apply(const model::Command& command);

  const LaneRecord* find(const EndpointId& endpoint) const;
  const std::vector<LaneRecord>& all() const { return lanes_; }

  // For checkpoints.
  void encode(std::string& out) const;
  // Replaces the contents; kCorrupt leaves it empty.
  Status decode(ByteReader& in);

 private:
  LaneRecord& lane(const EndpointId& endpoint, const AppId& app);
  std::vector<LaneRecord> lanes_;
  std::unordered_map<EndpointId, uint32_t> slots_;
};

}  // namespace posthorn::store

// Where each lane stands, folded from the log: what a restart needs to go on, O(window) per lane.
#pragma once
#include <optional>
#include <vector>

#include "base/function.h"
#include "base/ids.h"
#include "base/result.h"
#include "base/units.h"

namespace posthorn::store {

struct LaneRecord {
  EndpointId endpoint;
  AppId app;
  Seq floor;                     // messages of the lane below it have all had their first try
  std::vector<Seq> tried_above;  // at or above the floor, tried already; sorted, at most a window
  Seq last_targeted;             // the newest message that names the endpoint
  Seq cancelled_through;         // unsettled deliveries up to here are cancelled
  Seq expired_through;           // … or dead: expired
  bool deleted = false;
  uint64_t targeted = 0;         // deliveries ever made for this endpoint
  uint64_t settled = 0;          // of those: no longer pending
  uint32_t failures_in_row = 0;  // attempts failed since the last success
  WallTime last_attempt_at;
  bool operator==(const LaneRecord&) const = default;

  // Some message of the lane has not had its first try.
  bool has_untried() const;
};

class LaneState {
 public:
  virtual ~LaneState() = default;
  // Copies of all lanes that ever had a message, as of the durable log. Any thread; meant for
  // start-up.
  virtual std::vector<LaneRecord> all() const = 0;
  virtual std::optional<LaneRecord> find(const EndpointId& endpoint) const = 0;
};

}  // namespace posthorn::store

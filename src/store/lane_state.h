// Where each lane stands, folded from the log: what a restart needs to go on, O(window) per lane.
#pragma once
#include <optional>
#include <vector>

#include "base/function.h"
#include "base/ids.h"
#include "base/result.h"
#include "base/units.h"

namespace posthorn::store {

// A command that settled what was pending of a lane: every delivery up to `through` without an
// outcome of its own.
struct LaneClosing {
  Seq through;
  Seq at;                // of the command's record
  bool expired = false;  // dead: expired; else cancelled
  bool operator==(const LaneClosing&) const = default;
};

struct LaneRecord {
  EndpointId endpoint;
  AppId app;
  Seq floor;                     // messages of the lane below it have all had their first try
  std::vector<Seq> tried_above;  // at or above the floor, tried already; sorted, at most a window
  Seq last_targeted;      // the newest message in its order (those with a deliver_at have none)
  Seq cancelled_through;  // unsettled deliveries up to here are cancelled
  Seq expired_through;    // … or dead: expired
  std::vector<LaneClosing> closings;  // oldest first, `through` grows; the first that covers counts
  bool deleted = false;
  bool manual_tries = false;     // some attempt was not of the schedule
  uint64_t targeted = 0;         // deliveries ever made for this endpoint
  uint64_t settled = 0;          // of those: no longer pending (see lane_fold.h for what it misses)
  uint32_t failures_in_row = 0;  // attempts failed since the last success
  WallTime last_attempt_at;
  bool operator==(const LaneRecord&) const = default;

  // Some message of the lane may not have had its first try.
  bool has_untried() const;
  // The command that settled `seq`, when it had no outcome of its own; null: none did.
  const LaneClosing* closing_of(Seq seq) const;
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

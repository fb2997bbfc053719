// What the policies of retention ask of a store: what waits for longer than it may. Answers change
// nothing. All calls block; any thread but the loops.
#pragma once
#include <vector>

#include "base/result.h"
#include "store/due_index.h"

namespace posthorn::store {

struct PendingLane {
  AppId app;
  EndpointId endpoint;
  bool operator==(const PendingLane&) const = default;
};

// A payload that is not to be kept any longer.
struct OverduePayload {
  AppId app;
  Seq message;
  bool operator==(const OverduePayload&) const = default;
};

struct OverdueQuery {
  DueEntry after;      // exclusive, by its key: where the page before ended
  WallTime until;      // payloads whose time ended by then
  size_t limit = 256;  // of payloads looked at
};

struct OverduePage {
  std::vector<OverduePayload> payloads;  // of messages without a pending delivery
  DueEntry last;                         // looked at; the next page goes on after it
  bool at_end = true;                    // no other one is overdue
};

class RetentionIndex {
 public:
  virtual ~RetentionIndex() = default;

  // The newest message accepted before `at` (by some milliseconds, not by less); 0: there is none.
  virtual Result<Seq> last_before(WallTime at) = 0;
  // Lanes with a pending delivery of a message up to `through`, each once, at most `limit`. A
  // bounded look: others may follow when these are settled, but none at all means that there is
  // none.
  virtual Result<std::vector<PendingLane>> lanes_pending(Seq through, size_t limit) = 0;
  // Payloads that were given for a time (Message::payload_retention_hours) which is over, and that
  // no delivery waits for. Those that are waited for are passed over: look again later.
  virtual Result<OverduePage> payloads_over(const OverdueQuery& query) = 0;
};

}  // namespace posthorn::store

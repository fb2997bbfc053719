// Deliveries that wait for a time: retries, deliverAt, paced resumes. Kept on disk in sorted runs;
// entries appear and go with the attempts in the log.
#pragma once
#include <tuple>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "base/units.h"
#include "model/attempt.h"

namespace posthorn::store {

// Ordered by (due, seq, endpoint); that triple is also the cursor of a page.
struct DueEntry {
  WallTime due;
  Seq seq;  // of the message
  EndpointId endpoint;
  AppId app;
  uint16_t attempts = 0;  // tries made so far; 0 for a resend: ask AttemptHistory
  // kManual: from a resend; it outlives a cancel of the lane, not its deletion.
  model::Trigger trigger = model::Trigger::kScheduled;

  friend auto key_of(const DueEntry& e) { return std::tuple(e.due, e.seq, e.endpoint); }
  bool operator==(const DueEntry&) const = default;
};

struct DueQuery {
  DueEntry after;  // exclusive, by its key
  WallTime until;  // inclusive
  size_t limit = 1000;
};

class DueIndex {
 public:
  virtual ~DueIndex() = default;
  // Ascending entries of the durable log that no later attempt or command has settled. Blocks;
  // any thread but the loops. Fewer than `limit` means that nothing else is due until `until`.
  virtual Result<std::vector<DueEntry>> page(const DueQuery& query) = 0;
  // Memory only; any thread. Counts entries of cancelled lanes until maintenance has dropped them.
  virtual uint64_t pending() const = 0;
};

}  // namespace posthorn::store

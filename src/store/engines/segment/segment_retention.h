// Which segments leave the log: those older than the history, and under pressure of space the
// oldest, each only when none of its deliveries is pending. Decides; housekeeping acts. One thread.
#pragma once
#include <map>
#include <optional>

#include "io/host.h"
#include "io/steady_wall.h"
#include "store/engines/segment/index_tiers.h"
#include "store/engines/segment/pending_scan.h"
#include "store/engines/segment/space_watch.h"
#include "store/store.h"

namespace posthorn::store::segment {

class SegmentRetention {
 public:
  struct Parts {
    io::Host& host;
    const StoreOptions& options;
    IndexTiers& tiers;
    Ledger& ledger;
    PendingScan& pending;
    SpaceWatch& space;
  };
  explicit SegmentRetention(Parts parts) : parts_(parts), time_(parts.host.clock()) {}

  struct Choice {
    std::optional<SegmentNumber> segment;
    bool more = false;  // ask again soon: what was looked at was not enough
  };
  // The next one to take out, of the sealed ones below `open`. `files`: of the log, all of them.
  Result<Choice> next(SegmentNumber open, uint64_t files);
  // The open segment holds records so old that it is to be ended: only what is sealed can go. So
  // nothing settled stays for much longer than the history and an eighth. Any thread.
  bool is_to_end(const SegmentSpan& open) const;

 private:
  struct Blocked {  // by a pending delivery
    uint32_t pending = 0;
    MonoTime until;  // not to be looked at before, unless `pending` has changed
  };
  enum class Standing : uint8_t { kSettled, kBlocked, kUnknownYet };
  bool is_pressed(uint64_t files);
  Result<Standing> standing_of(SegmentNumber segment);

  Parts parts_;
  const io::SteadyWall time_;
  std::map<SegmentNumber, Blocked> blocked_;
};

}  // namespace posthorn::store::segment

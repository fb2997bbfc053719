// Outcomes and due entries: what follows from committed records on disk. Fed from the live state
// in log order by whoever needs it up to date (a reader, a checkpoint, maintenance), one thread at
// a time; the committer never waits for it.
#pragma once
#include <map>
#include <memory>
#include <vector>

#include "io/guarded.h"
#include "store/engines/segment/due_runs.h"
#include "store/engines/segment/gap_repair.h"
#include "store/engines/segment/log_index.h"
#include "store/engines/segment/outcomes.h"
#include "store/engines/segment/record_reader.h"

namespace posthorn::store::segment {

class Ledger {
 public:
  struct Parts {
    io::Guarded<Live>& live;
    LogIndex& index;
    RecordReader& reader;
    SegmentFiles& files;
    std::unique_ptr<Outcomes> outcomes;
    std::unique_ptr<DueRuns> due;
    std::unique_ptr<DueRuns> payloads;  // when payloads end that have a time of their own
  };
  explicit Ledger(Parts parts) : parts_(std::move(parts)) {}

  // Applies what waits, then calls `use(outcomes, due)` with nothing changing in between. Reads
  // the disk under a lock of its own: any thread but the loops and the committer.
  template <typename Use>
  auto up_to_date(Use use) {
    return guarded_.with([&](int&) {
      apply(take());
      return use(*parts_.outcomes, *parts_.due);
    });
  }
  // The same, with `snapshot(live)` taken at the very group that the follow-ups end with.
  template <typename Snapshot, typename Use>
  auto at_group(Snapshot snapshot, Use use) {
    return guarded_.with([&](int&) {
      apply(parts_.live.with([&](Live& live) {
        snapshot(live);
        return std::exchange(live.follow_ups, {});
      }));
      if (!erasures_.empty()) return decltype(use(*parts_.outcomes, *parts_.due))(not_erased());
      return use(*parts_.outcomes, *parts_.due);
    });
  }
  // Makes the sidecar of a segment again from its messages and the attempts on them.
  Status mend_outcomes(SegmentNumber segment);
  // The next three only inside of `use` of the above.
  DueRuns& payloads() { return *parts_.payloads; }
  // What a command does to the ends of payloads.
  Status settle_payload(const model::Command& command);
  GapRepair gap_repair() {
    return GapRepair({parts_.index, parts_.reader, parts_.live, *parts_.outcomes, *parts_.due});
  }
  // True when every payload that a command erases is zeroed, durably; tries what failed again.
  bool all_erased() {
    return guarded_.with([&](int&) {
      apply(take());
      return erasures_.empty();
    });
  }
  // Due entries, those that wait to be applied not counted. Memory only.
  uint64_t due_pending() const { return parts_.due->pending(); }

 private:
  static Error not_erased();
  std::vector<FollowUp> take();
  void apply(const std::vector<FollowUp>& follow_ups);
  void note_failure(const FollowUp& follow_up);
  Status mend_standings(const MessageEntry& message);
  Status apply_one(const NewDeliveries& deliveries);
  Status apply_one(const NewOutcome& outcome);
  Status apply_one(const DueChange& change);
  Status apply_one(const NewPayloadEnd& end);
  Status apply_one(const model::Command& command);
  void erase_noted();
  using Files = std::map<SegmentNumber, std::unique_ptr<io::File>>;
  Status erase(const model::Command& command, Files& files);
  Result<std::optional<RecordPlace>> place_of(const model::Command& command);

  Parts parts_;
  std::vector<model::Command> erasures_;  // not done yet; a checkpoint must wait for them
  io::Guarded<int> guarded_;              // order of application; held across reads of the disk
};

}  // namespace posthorn::store::segment

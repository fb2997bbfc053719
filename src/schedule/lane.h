// What one endpoint sends next: a cursor over the log, the set in flight, and the retries that
// have come due. Pure: values in, decisions out; it reads no clock and sends nothing.
#pragma once
#include <deque>
#include <optional>
#include <unordered_set>
#include <vector>

#include "base/units.h"
#include "model/send.h"
#include "store/due_index.h"
#include "store/lane_state.h"
#include "store/message_log.h"

namespace posthorn::schedule {

struct LaneLimits {
  size_t window_start = 4;
  size_t window_max = 64;
  size_t ready_max = 4096;             // messages held in memory ahead of the cursor
  size_t ready_bytes_max = 4u << 20;   // what they take
  size_t due_max = 128;                // due retries held in memory
  size_t due_ahead_max = 4096;         // … while the lanes of the shard have room for more
  uint32_t failing_after = 10;         // failures in a row that make a lane failing
  nanoseconds probe_min = seconds{5};  // between probes of a failing lane, doubling
  nanoseconds probe_max = seconds{60};
  nanoseconds read_pause = seconds{1};  // after a read of the log that failed
};

// What the lanes of a shard hold in memory together, ahead of their cursors. Where it is used up, a
// lane holds no more than its window and reads the rest from the log.
struct ReadyBudget {
  size_t bytes_max = 0;
  size_t bytes = 0;
  size_t due_max = 0;  // due retries, beyond which a lane holds no more than its own due_max
  size_t due = 0;
};

// How an attempt ended, as far as a lane cares.
enum class Ended : uint8_t {
  kSuccess,
  kFailure,  // an answer that says no
  kStalled,  // a timeout or no connection: the window halves
};

class Lane {
 public:
  // A lane with nothing to try: it hears of every message that is committed from now on.
  Lane(const LaneLimits& limits, ReadyBudget& budget, const EndpointId& endpoint);
  // A lane as the log remembers it.
  Lane(const LaneLimits& limits, ReadyBudget& budget, const store::LaneRecord& record);
  ~Lane();
  Lane(const Lane&) = delete;
  Lane& operator=(const Lane&) = delete;

  // --- what happened
  // A message that names the endpoint was committed; called in order of seq.
  void committed(const store::MessageRef& message);
  // The answer to a read from read_from(); messages ascending.
  void loaded(const store::LaneRead& read);
  // A retry has come due; one that is held or in flight already is ignored. False when the lane
  // holds enough of them: the caller keeps it.
  bool offer_due(const store::DueEntry& entry);
  void finished(Seq seq, Ended how, MonoTime now);
  // The message of a retry that next() gave out cannot be read for now. That was no attempt: the
  // lane has it again.
  void postponed(const store::DueEntry& entry, MonoTime now);
  // Everything up to `through` is cancelled; what is in flight ends on its own.
  void cancel_through(Seq through);
  void set_enabled(bool enabled);

  // --- what follows
  // The next delivery to try, now in flight; nothing when the window (at most `allowed`) is full,
  // nothing is ready, or the lane may not send.
  std::optional<model::Send> next(MonoTime now, size_t allowed);
  // The lane lags behind the log and has room: read from read_from().
  bool wants_read() const;
  Seq read_from() const { return read_from_; }
  // How many messages to read; at most `most`.
  size_t read_count(size_t most) const;
  void read_started() { reading_ = true; }
  void read_failed(MonoTime now);
  bool has_work() const;
  // Worth offering again what was refused: many at a time, since each look for them costs a read.
  bool has_due_room() const;
  // A lane that fails or is disabled gives back what it holds beyond due_max: the first of them is
  // answered, as if this one and all behind it had been refused.
  std::optional<store::DueEntry> shed_due();
  // When next() and wants_read() may answer again although nothing happens: the time of the next
  // probe or of the next read after one that failed. Holds once next() has been asked.
  std::optional<MonoTime> wake_at() const;

  // First tries below it are in the log once the records handed over so far are.
  Seq floor() const;
  size_t in_flight() const { return in_flight_.size(); }
  size_t window() const { return failing() ? 1 : window_; }
  bool failing() const { return failures_in_row_ >= limits_.failing_after; }
  // Its last attempt stalled: the next may hold a connection just as long.
  bool stalled() const { return stalled_; }
  bool lagging() const { return lagging_; }

 private:
  struct InFlight {
    Seq seq;
    bool first_try;
    bool probe;  // of a failing lane
  };
  bool may_send(MonoTime now, size_t allowed) const;
  InFlight land(Seq seq);  // is not in flight any more
  void push_ready(const store::MessageRef& message);
  void release_ready(const store::MessageRef& message);
  bool has_ready_room() const;
  bool may_take_due() const { return !due_.empty() && !reads_resume_at_; }
  void shed();
  bool stands_still() const { return failing() || !enabled_; }
  void hold_due(const store::DueEntry& entry);
  store::DueEntry release_due(std::deque<store::DueEntry>::iterator at);

  const LaneLimits& limits_;
  ReadyBudget& budget_;
  EndpointId endpoint_;
  bool enabled_ = true;
  std::deque<store::MessageRef> ready_;  // never tried, ascending
  size_t ready_bytes_ = 0;
  std::deque<store::DueEntry> due_;  // by key
  std::unordered_set<Seq> due_seqs_;
  std::vector<InFlight> in_flight_;
  std::vector<Seq> tried_above_;  // from recovery; skipped when the log is read again
  Seq read_from_;                 // when lagging: first place not looked at yet
  Seq seen_;                      // newest seq of the lane that was looked at
  Seq cancelled_through_;
  bool lagging_ = false;
  bool reading_ = false;
  std::optional<MonoTime> reads_resume_at_;  // set while the log cannot be read
  bool due_turn_ = true;                     // due retries and new messages take turns
  size_t window_;
  bool stalled_ = false;
  uint32_t failures_in_row_ = 0;
  nanoseconds probe_wait_{0};
  MonoTime probe_at_;
};

}  // namespace posthorn::schedule

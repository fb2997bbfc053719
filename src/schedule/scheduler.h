// The loop of one shard: feeds lanes from commits, the log and the due index, and starts what they
// choose. Decisions are the lanes'; this file only moves values between them and the outside.
#pragma once
#include <deque>
#include <memory>
#include <set>
#include <unordered_map>
#include <unordered_set>

#include "base/function.h"
#include "io/loop.h"
#include "io/steady_wall.h"
#include "io/timer.h"
#include "io/worker.h"
#include "schedule/due_window.h"
#include "schedule/lane.h"
#include "store/store.h"

namespace posthorn::schedule {

struct SchedulerLimits {
  LaneLimits lane;
  size_t in_flight_max = 1024;         // attempts of this shard at one time (its connections)
  size_t ready_bytes_max = 16u << 20;  // messages that its lanes hold ahead of their cursors
  size_t due_entries_max = 32'768;     // of the near future in memory
  size_t due_held_max = 32'768;        // … and due, held by the lanes
  size_t reads_max = 8;                // log reads under way at one time
  size_t read_count = 256;             // messages per read
  size_t read_bytes = 1u << 20;
  microseconds due_ahead = seconds{120};  // how far the near future reaches
};

struct SchedulerDeps {
  io::Loop& loop;
  io::Worker& reader;
  store::Store& store;
  size_t shard = 0;
  size_t shards = 1;
};

// Which shard owns the lane of an endpoint.
inline size_t shard_of(const EndpointId& endpoint, size_t shards) {
  return endpoint.bytes.tail() % shards;
}

class Scheduler : public store::CommitObserver {
 public:
  // Begins one attempt; the receiver calls finished() and then recorded() for it, on the loop and
  // never inside this call. `send.message` is null when the stored message is lost (damaged,
  // expunged); one that cannot be read for now is tried again and not handed out.
  using Start = UniqueFunction<void(model::Send)>;
  // May this endpoint be sent to now (known and not disabled)?
  using Enabled = UniqueFunction<bool(const EndpointId&)>;

  Scheduler(SchedulerDeps deps, SchedulerLimits limits, Start start, Enabled enabled);
  ~Scheduler() override;
  Scheduler(const Scheduler&) = delete;
  Scheduler& operator=(const Scheduler&) = delete;

  // Takes over the lanes of this shard as the log remembers them and begins to send.
  void begin(const std::vector<store::LaneRecord>& lanes);
  void on_committed(std::span<const store::MessageRef> messages) override;
  // The attempt has ended; its window slot is free.
  void finished(const model::Send& send, Ended how);
  // What finished() was told is in the log; `next_due` is set when another try is scheduled.
  void recorded(const model::Send& send, WallTime next_due);
  // First tries of the endpoint below it have ended; goes into the attempt record.
  Seq floor(const EndpointId& endpoint) const;
  // Everything of the lane up to `through` has ended in the log: nothing of it is tried any more.
  void ended_through(const EndpointId& endpoint, const AppId& app, Seq through);
  // The configuration changed: lanes that were held because of it look again.
  void configuration_changed();
  // Starts nothing new; `idle` runs once when nothing is in flight.
  void drain(Task idle);

  // Wall time that runs with the monotonic clock, so that a jump of the machine's clock neither
  // fires nor delays anything.
  WallTime now() const;
  size_t in_flight() const { return in_flight_; }
  size_t lanes() const { return slots_.size(); }

 private:
  struct Slot;
  struct DeliveryKey {
    Seq seq;
    EndpointId endpoint;
    bool operator==(const DeliveryKey&) const = default;
  };
  struct DeliveryKeyHash {
    size_t operator()(const DeliveryKey& key) const {
      return std::hash<Seq>{}(key.seq) ^ std::hash<EndpointId>{}(key.endpoint);
    }
  };
  using DeliveryKeys = std::unordered_set<DeliveryKey, DeliveryKeyHash>;

  Slot& slot_of(const EndpointId& endpoint, const AppId& app);
  void pump(Slot& slot);
  size_t share() const;
  size_t allowed(const Slot& slot, MonoTime now) const;
  bool has_room(const Slot& slot) const;
  void wait_for_room(Slot& slot);
  void count(Slot& slot);
  void pump_waiting();
  void pump_front(std::deque<EndpointId>& queue);
  void begin_send(model::Send send);
  void watch(Slot& slot);
  void overflow(Slot& slot, const store::DueEntry& entry);
  void refill_due();
  void read_message(model::Send send);
  void message_read(model::Send send, Result<store::MessageRef> message);
  void postpone(const model::Send& send);
  void window_slot_free(Slot& slot);
  void read_lane(Slot& slot);
  void lane_read(Slot& slot, const Result<store::LaneRead>& read);
  void post_read(UniqueFunction<Task()> read);
  void queue_read(Task read);
  void next_read();
  void read_ended();
  void wake();
  void fire_due(WallTime now);
  void wake_lanes(MonoTime now);
  void page_due(WallTime now);
  void page_read(const store::DueQuery& query, const Result<std::vector<store::DueEntry>>& page);
  void paged(const store::DueQuery& query, const std::vector<store::DueEntry>& page);
  void offer(const store::DueEntry& entry);
  void arm();
  void check_idle();
  void watch_log();

  SchedulerDeps deps_;
  const SchedulerLimits limits_;
  Start start_;
  Enabled enabled_;
  const io::SteadyWall time_;
  ReadyBudget ready_;
  std::unordered_map<EndpointId, std::unique_ptr<Slot>> slots_;
  std::deque<EndpointId> waiting_;          // lanes with work and less than their share in flight
  std::deque<EndpointId> waiting_stalled_;  // … and beyond the part of it that they may have
  std::set<EndpointId> held_;               // lanes with work whose endpoint may not be sent to
  std::set<std::pair<MonoTime, EndpointId>> wakes_;  // lanes that look again at a time
  std::set<EndpointId> overflowed_;                  // lanes that could not take all that is due
  DueWindow due_;
  MonoTime page_at_;               // no page of due entries is read before it
  DeliveryKeys recording_;         // retries that ended and are not in the log yet
  DeliveryKeys recorded_in_page_;  // … and those that got there while a page was being read
  std::vector<store::DueEntry> added_in_page_;
  bool paging_ = false;
  std::deque<Task> reads_;
  size_t reads_under_way_ = 0;
  size_t in_flight_ = 0;
  size_t stalled_ = 0;  // of them, those of lanes whose last attempt stalled
  size_t busy_ = 0;     // lanes with attempts in flight or waiting to begin one
  bool draining_ = false;
  bool attempts_allowed_ = true;  // by the log: it has space to record them
  Task idle_;
  io::Timer timer_;
  io::Timer log_timer_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace posthorn::schedule

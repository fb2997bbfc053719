// Moves values between the lanes of a shard and the log, the due index and the attempts.
#include "schedule/scheduler.h"

#include <algorithm>

#include "base/check.h"
#include "base/log.h"

namespace posthorn::schedule {
namespace {

constexpr nanoseconds kLogWatchEvery = milliseconds{500};

// The stored message will not come back; every other failure of a read passes.
bool is_lost(const Error& failure) {
  switch (failure.code) {
    case Errc::kNotFound:
    case Errc::kGone:
    case Errc::kCorrupt:
    case Errc::kUnsupported:
      return true;
    default:
      return false;
  }
}

}  // namespace

struct Scheduler::Slot {
  Slot(const LaneLimits& limits, ReadyBudget& budget, const EndpointId& id, const AppId& owner)
      : endpoint(id), app(owner), lane(limits, budget, id) {}
  Slot(const LaneLimits& limits, ReadyBudget& budget, const store::LaneRecord& record)
      : endpoint(record.endpoint), app(record.app), lane(limits, budget, record) {}

  EndpointId endpoint;
  AppId app;
  Lane lane;
  MonoTime last_completion;
  size_t stalled = 0;                            // its part of stalled_
  bool busy = false;                             // counted in busy_
  bool waiting = false;                          // stands in waiting_ or waiting_stalled_
  std::optional<MonoTime> wake_at;               // stands in wakes_ with this time
  std::optional<store::DueEntry> overflow_from;  // the first due entry the lane could not take
};

Scheduler::Scheduler(SchedulerDeps deps, SchedulerLimits limits, Start start, Enabled enabled)
    : deps_(deps),
      limits_(limits),
      start_(std::move(start)),
      enabled_(std::move(enabled)),
      time_(deps.loop.clock()),
      ready_{.bytes_max = limits.ready_bytes_max, .due_max = limits.due_held_max},
      due_(limits.due_entries_max),
      timer_(deps.loop.timers(), [this] { wake(); }),
      log_timer_(deps.loop.timers(), [this] { watch_log(); }) {}

Scheduler::~Scheduler() { *alive_ = false; }

WallTime Scheduler::now() const { return time_.at(deps_.loop.now()); }

void Scheduler::begin(const std::vector<store::LaneRecord>& lanes) {
  for (const store::LaneRecord& record : lanes) {
    if (record.deleted || shard_of(record.endpoint, deps_.shards) != deps_.shard) continue;
    if (!record.has_untried()) continue;
    auto slot = std::make_unique<Slot>(limits_.lane, ready_, record);
    slots_[record.endpoint] = std::move(slot);
  }
  watch_log();
  for (auto& [id, slot] : slots_) pump(*slot);
  page_due(now());
}

Scheduler::Slot& Scheduler::slot_of(const EndpointId& endpoint, const AppId& app) {
  std::unique_ptr<Slot>& slot = slots_[endpoint];
  if (slot == nullptr) slot = std::make_unique<Slot>(limits_.lane, ready_, endpoint, app);
  return *slot;
}

void Scheduler::on_committed(std::span<const store::MessageRef> messages) {
  for (const store::MessageRef& message : messages) {
    for (const EndpointId& endpoint : message->targets->endpoints()) {
      if (shard_of(endpoint, deps_.shards) != deps_.shard) continue;
      if (message->deliver_at.us != 0) {
        const store::DueEntry entry{message->deliver_at, message->seq, endpoint, message->app, 0};
        if (paging_) added_in_page_.push_back(entry);
        due_.add(entry);
        arm();
      }
      Slot& slot = slot_of(endpoint, message->app);
      slot.lane.committed(message);
      pump(slot);
    }
  }
}

// An even part of the budget for each lane that has attempts in flight or waits to begin one.
size_t Scheduler::share() const {
  return std::max<size_t>(1, limits_.in_flight_max / std::max<size_t>(1, busy_));
}

// Under pressure a lane without a completion in the last second holds only its share, so that
// receivers that never answer cannot take every connection.
size_t Scheduler::allowed(const Slot& slot, MonoTime now) const {
  if (in_flight_ < limits_.in_flight_max / 2) return limits_.in_flight_max;
  if (now - slot.last_completion < seconds{1}) return limits_.in_flight_max;
  return share();
}

// Lanes whose last attempt stalled share half of the budget. Where more receivers are silent than
// there are connections, the others still find one.
bool Scheduler::has_room(const Slot& slot) const {
  if (in_flight_ >= limits_.in_flight_max) return false;
  return !slot.lane.stalled() || stalled_ < std::max<size_t>(1, limits_.in_flight_max / 2);
}

// Brings the counts over all lanes up to date with this one.
void Scheduler::count(Slot& slot) {
  stalled_ -= slot.stalled;
  slot.stalled = slot.lane.stalled() ? slot.lane.in_flight() : 0;
  stalled_ += slot.stalled;
  busy_ -= slot.busy ? 1 : 0;
  slot.busy = slot.waiting || slot.lane.in_flight() > 0;
  busy_ += slot.busy ? 1 : 0;
}

// A lane that finds no room waits for the end of others' attempts only while it has less than its
// share. One that has it goes on with the end of its own, on the connection that this leaves: where
// all lanes took turns for the last places, each attempt would cost the idle connection of another
// lane and a new one of its own.
void Scheduler::wait_for_room(Slot& slot) {
  if (slot.waiting || !slot.lane.has_work() || has_room(slot)) return;
  if (slot.lane.in_flight() >= share()) return;
  slot.waiting = true;
  count(slot);
  (slot.lane.stalled() ? waiting_stalled_ : waiting_).push_back(slot.endpoint);
}

void Scheduler::pump(Slot& slot) {
  if (draining_ || !attempts_allowed_) return;
  const bool enabled = enabled_(slot.endpoint);
  slot.lane.set_enabled(enabled);
  if (const auto refused = slot.lane.shed_due()) overflow(slot, *refused);
  if (!enabled) {
    if (slot.lane.has_work() || slot.overflow_from) held_.insert(slot.endpoint);
    return;
  }
  const MonoTime now = deps_.loop.now();
  while (has_room(slot)) {
    std::optional<model::Send> send = slot.lane.next(now, allowed(slot, now));
    if (!send) break;
    count(slot);
    send->app = slot.app;
    begin_send(*std::move(send));
  }
  wait_for_room(slot);
  if (slot.lane.wants_read()) read_lane(slot);
  if (slot.overflow_from && slot.lane.has_due_room()) refill_due();
  watch(slot);
}

// A lane that waits for its share of the budget needs no time: pump_waiting() comes to it.
void Scheduler::watch(Slot& slot) {
  std::optional<MonoTime> wake_at;
  if (!slot.waiting) wake_at = slot.lane.wake_at();
  if (wake_at == slot.wake_at) return;
  if (slot.wake_at) wakes_.erase({*slot.wake_at, slot.endpoint});
  slot.wake_at = wake_at;
  if (!wake_at) return;
  wakes_.insert({*wake_at, slot.endpoint});
  arm();
}

void Scheduler::overflow(Slot& slot, const store::DueEntry& entry) {
  // The key just in front of the entry, so that reading "after" it finds the entry again.
  store::DueEntry before = entry;
  before.due = before.due - microseconds{1};
  if (slot.overflow_from && key_of(*slot.overflow_from) <= key_of(before)) return;
  slot.overflow_from = before;
  overflowed_.insert(slot.endpoint);
}

// Lanes can take due entries again: those they refused are read from the index once more, in one
// pass for all that have room.
void Scheduler::refill_due() {
  if (paging_) return;  // then when the page is there
  bool any = false;
  for (auto at = overflowed_.begin(); at != overflowed_.end();) {
    Slot& slot = *slots_.at(*at);
    if (!slot.lane.has_due_room() || !enabled_(slot.endpoint)) {
      ++at;
      continue;
    }
    due_.rewind(*slot.overflow_from);
    slot.overflow_from.reset();
    at = overflowed_.erase(at);
    any = true;
  }
  if (!any) return;
  page_at_ = {};
  page_due(now());
}

void Scheduler::pump_waiting() {
  while (!waiting_.empty() && in_flight_ < limits_.in_flight_max) pump_front(waiting_);
  while (!waiting_stalled_.empty() && has_room(*slots_.at(waiting_stalled_.front()))) {
    pump_front(waiting_stalled_);
  }
}

void Scheduler::pump_front(std::deque<EndpointId>& queue) {
  Slot& slot = *slots_.at(queue.front());
  queue.pop_front();
  slot.waiting = false;
  count(slot);
  pump(slot);
}

void Scheduler::begin_send(model::Send send) {
  ++in_flight_;
  if (send.message != nullptr) {
    start_(std::move(send));
    return;
  }
  queue_read([this, send = std::move(send)]() mutable { read_message(std::move(send)); });
}

void Scheduler::read_message(model::Send send) {
  post_read([this, send = std::move(send)]() mutable -> Task {
    auto message = deps_.store.log().read(send.seq);
    return [this, send = std::move(send), message = std::move(message)]() mutable {
      message_read(std::move(send), std::move(message));
    };
  });
}

void Scheduler::message_read(model::Send send, Result<store::MessageRef> message) {
  read_ended();
  if (message.ok()) {
    send.message = *std::move(message);
    return start_(std::move(send));
  }
  log(LogLevel::kError, "schedule", "message {} cannot be read: {}", send.seq.value,
      message.error().message);
  if (is_lost(message.error()))
    start_(std::move(send));
  else
    postpone(send);
}

void Scheduler::postpone(const model::Send& send) {
  Slot& slot = *slots_.at(send.endpoint);
  const auto attempts = static_cast<uint16_t>(send.number - 1);
  slot.lane.postponed(
      {send.scheduled_due, send.seq, send.endpoint, send.app, attempts, send.trigger},
      deps_.loop.now());
  count(slot);
  window_slot_free(slot);
}

void Scheduler::read_lane(Slot& slot) {
  slot.lane.read_started();
  queue_read([this, &slot] {
    const store::LaneQuery query{slot.app, slot.endpoint, slot.lane.read_from(),
                                 slot.lane.read_count(limits_.read_count), limits_.read_bytes};
    post_read([this, &slot, query]() -> Task {
      auto read = deps_.store.log().read_lane(query);
      return [this, &slot, read = std::move(read)] { lane_read(slot, read); };
    });
  });
}

void Scheduler::lane_read(Slot& slot, const Result<store::LaneRead>& read) {
  read_ended();
  if (read.ok()) {
    slot.lane.loaded(*read);
    pump(slot);
    return;
  }
  log(LogLevel::kError, "schedule", "lane {} cannot read the log: {}", slot.endpoint.text(),
      read.error().message);
  slot.lane.read_failed(deps_.loop.now());
  watch(slot);
}

// Runs `read` on the reader, and what it answers on the loop again.
void Scheduler::post_read(UniqueFunction<Task()> read) {
  const bool posted = deps_.reader.post([this, read = std::move(read), alive = alive_]() mutable {
    deps_.loop.post_remote([then = read(), alive]() mutable {
      if (*alive) then();
    });
  });
  CHECK(posted, "the reader holds fewer tasks than reads_max");
}

void Scheduler::read_ended() {
  --reads_under_way_;
  next_read();
}

void Scheduler::queue_read(Task read) {
  reads_.push_back(std::move(read));
  next_read();
}

void Scheduler::next_read() {
  while (!reads_.empty() && reads_under_way_ < limits_.reads_max) {
    Task read = std::move(reads_.front());
    reads_.pop_front();
    ++reads_under_way_;
    read();
  }
}

void Scheduler::finished(const model::Send& send, Ended how) {
  Slot& slot = *slots_.at(send.endpoint);
  const MonoTime now = deps_.loop.now();
  slot.lane.finished(send.seq, how, now);
  count(slot);
  if (how == Ended::kSuccess) slot.last_completion = now;
  if (send.scheduled_due.us != 0) recording_.insert({send.seq, send.endpoint});
  window_slot_free(slot);
}

void Scheduler::window_slot_free(Slot& slot) {
  --in_flight_;
  if (draining_) return check_idle();
  pump_waiting();
  pump(slot);
}

void Scheduler::recorded(const model::Send& send, WallTime next_due) {
  if (send.scheduled_due.us != 0) {
    recording_.erase({send.seq, send.endpoint});
    if (paging_) recorded_in_page_.insert({send.seq, send.endpoint});
  }
  if (next_due.us == 0) return;
  const store::DueEntry entry{next_due, send.seq, send.endpoint, send.app, send.number};
  if (paging_) added_in_page_.push_back(entry);
  due_.add(entry);
  arm();
}

Seq Scheduler::floor(const EndpointId& endpoint) const {
  const auto at = slots_.find(endpoint);
  CHECK(at != slots_.end(), "no lane for {}", endpoint.text());
  return at->second->lane.floor();
}

void Scheduler::ended_through(const EndpointId& endpoint, const AppId& app, Seq through) {
  // A slot even where there was none: retries of the lane may wait in due_.
  Slot& slot = slot_of(endpoint, app);
  slot.lane.cancel_through(through);
  pump(slot);
}

// An attempt that could not be recorded would be made again: without space none starts.
void Scheduler::watch_log() {
  log_timer_.arm_at(deps_.loop.clock().now() + kLogWatchEvery);
  const bool allowed = deps_.store.log().health().attempts_allowed;
  if (allowed == std::exchange(attempts_allowed_, allowed)) return;
  log(LogLevel::kWarn, "schedule", "new attempts {}: the log has {} space for their records",
      allowed ? "start again" : "are held", allowed ? "again" : "too little");
  if (!allowed) return;
  for (auto& [id, slot] : slots_) pump(*slot);
}

void Scheduler::configuration_changed() {
  const std::set<EndpointId> held = std::exchange(held_, {});
  for (const EndpointId& endpoint : held) pump(*slots_.at(endpoint));
}

void Scheduler::wake() {
  const WallTime wall = now();
  fire_due(wall);
  wake_lanes(deps_.loop.now());
  if (due_.wants_page(wall, limits_.due_ahead)) page_due(wall);
  arm();
}

void Scheduler::fire_due(WallTime wall) {
  constexpr size_t kPerWake = 4096;  // the rest follows on the next tick: other work gets its turn
  for (const store::DueEntry& entry : due_.take_due(wall, kPerWake)) offer(entry);
}

void Scheduler::offer(const store::DueEntry& entry) {
  Slot& slot = slot_of(entry.endpoint, entry.app);
  if (slot.overflow_from || !slot.lane.offer_due(entry))
    overflow(slot, entry);
  else
    pump(slot);
}

void Scheduler::wake_lanes(MonoTime now) {
  while (!wakes_.empty() && wakes_.begin()->first <= now) {
    Slot& slot = *slots_.at(wakes_.begin()->second);
    wakes_.erase(wakes_.begin());
    slot.wake_at.reset();
    pump(slot);
  }
}

void Scheduler::page_due(WallTime wall) {
  if (paging_ || draining_ || deps_.loop.clock().now() < page_at_) return;
  constexpr size_t kPage = 4096;
  const store::DueQuery query{due_.horizon(), wall + limits_.due_ahead * 2, kPage};
  paging_ = true;
  post_read([this, query]() -> Task {
    auto page = deps_.store.due().page(query);
    return [this, query, page = std::move(page)] { page_read(query, page); };
  });
}

void Scheduler::page_read(const store::DueQuery& query,
                          const Result<std::vector<store::DueEntry>>& page) {
  paging_ = false;
  if (!page.ok()) {
    log(LogLevel::kError, "schedule", "due entries cannot be read: {}", page.error().message);
    page_at_ = deps_.loop.clock().now() + limits_.lane.read_pause;
    arm();
    return;
  }
  paged(query, *page);
  refill_due();
}

void Scheduler::paged(const store::DueQuery& query, const std::vector<store::DueEntry>& page) {
  std::vector<store::DueEntry> mine;
  for (const store::DueEntry& entry : page) {
    const DeliveryKey key{entry.seq, entry.endpoint};
    const bool stale = recording_.contains(key) || recorded_in_page_.contains(key);
    if (!stale && shard_of(entry.endpoint, deps_.shards) == deps_.shard) mine.push_back(entry);
  }
  const bool complete = page.size() < query.limit;
  due_.add_page({mine, query.after, complete ? DueWindow::end_of(query.until) : page.back()});
  recorded_in_page_.clear();
  for (const store::DueEntry& entry : std::exchange(added_in_page_, {})) due_.add(entry);
  fire_due(now());
  // While lanes are full, what follows is looked through in small steps: most of it will be refused
  // and read again, but a lane with room may be among its receivers.
  constexpr nanoseconds kPauseWhenFull = milliseconds{50};
  if (!overflowed_.empty()) page_at_ = deps_.loop.clock().now() + kPauseWhenFull;
  wake();
}

void Scheduler::arm() {
  if (draining_) return;
  MonoTime when = deps_.loop.now() + seconds{30};  // at the latest, to look farther ahead
  if (due_.size() > 0) {
    const microseconds wait = std::max(due_.next_due() - now(), microseconds{0});
    when = std::min(when, deps_.loop.now() + wait);
  }
  if (!wakes_.empty()) when = std::min(when, wakes_.begin()->first);
  const bool page_waits = !paging_ && page_at_ > deps_.loop.clock().now();
  if (page_waits && due_.wants_page(now(), limits_.due_ahead)) when = std::min(when, page_at_);
  timer_.arm_at(when);
}

void Scheduler::drain(Task idle) {
  draining_ = true;
  idle_ = std::move(idle);
  timer_.cancel();
  log_timer_.cancel();
  check_idle();
}

// Not inside finished(): what ended last is recorded right after it, and belongs to the drain.
void Scheduler::check_idle() {
  if (!draining_ || in_flight_ > 0 || !idle_) return;
  deps_.loop.post([idle = std::exchange(idle_, nullptr), alive = alive_]() mutable {
    if (*alive) idle();
  });
}

}  // namespace posthorn::schedule

// pure: the lane's state machine.
#include "schedule/lane.h"

#include <algorithm>

#include "base/check.h"

namespace posthorn::schedule {
namespace {

constexpr size_t kMessageBytes = 512;  // what a message takes beside its payload, about

size_t bytes_of(const store::MessageRef& message) {
  return kMessageBytes + message->payload.size();
}

}  // namespace

Lane::Lane(const LaneLimits& limits, ReadyBudget& budget, const EndpointId& endpoint)
    : limits_(limits), budget_(budget), endpoint_(endpoint), window_(limits.window_start) {}

Lane::Lane(const LaneLimits& limits, ReadyBudget& budget, const store::LaneRecord& record)
    : limits_(limits),
      budget_(budget),
      endpoint_(record.endpoint),
      tried_above_(record.tried_above),
      read_from_(record.floor),
      seen_{std::max(record.last_targeted,
                     Seq{record.floor.value == 0 ? 0 : record.floor.value - 1})},
      cancelled_through_(std::max(record.cancelled_through, record.expired_through)),
      lagging_(record.has_untried()),
      window_(limits.window_start) {
  if (cancelled_through_ >= read_from_) read_from_ = cancelled_through_.next();
}

Lane::~Lane() {
  budget_.bytes -= ready_bytes_;
  budget_.due -= due_.size();
}

// A lane that sends nothing, or next to nothing, holds one message, however many it has.
bool Lane::has_ready_room() const {
  if (ready_.empty()) return true;
  if (stands_still()) return false;
  if (budget_.bytes >= budget_.bytes_max && ready_.size() >= window()) return false;
  return ready_.size() < limits_.ready_max && ready_bytes_ < limits_.ready_bytes_max;
}

void Lane::push_ready(const store::MessageRef& message) {
  ready_bytes_ += bytes_of(message);
  budget_.bytes += bytes_of(message);
  ready_.push_back(message);
}

void Lane::release_ready(const store::MessageRef& message) {
  ready_bytes_ -= bytes_of(message);
  budget_.bytes -= bytes_of(message);
}

// A lane that has come to a stop gives back what it holds beyond one message: the log has it. While
// a read is under way the lane waits for it, because what it brings follows what is held.
void Lane::shed() {
  if (reading_ || !stands_still()) return;
  while (ready_.size() > 1) {
    lagging_ = true;
    read_from_ = ready_.back()->seq;
    release_ready(ready_.back());
    ready_.pop_back();
  }
}

void Lane::set_enabled(bool enabled) {
  enabled_ = enabled;
  shed();
}

void Lane::committed(const store::MessageRef& message) {
  seen_ = std::max(seen_, message->seq);
  if (message->deliver_at.us != 0) return;  // waits in the due index
  // A read may have seen the message before its commit was announced here.
  if (lagging_ || message->seq < read_from_) return;
  if (has_ready_room()) {
    push_ready(message);
    read_from_ = message->seq.next();
    return;
  }
  lagging_ = true;
  read_from_ = message->seq;
}

void Lane::loaded(const store::LaneRead& read) {
  reading_ = false;
  for (const store::MessageRef& message : read.messages) {
    seen_ = std::max(seen_, message->seq);
    if (message->seq <= cancelled_through_ || message->deliver_at.us != 0) continue;
    if (std::binary_search(tried_above_.begin(), tried_above_.end(), message->seq)) continue;
    if (!has_ready_room()) {  // the lane came to a stop meanwhile, or its budget did
      read_from_ = std::max(read_from_, message->seq);
      shed();
      return;
    }
    push_ready(message);
  }
  read_from_ = std::max(read_from_, read.next);
  // A message that was committed after the read began is at or above `next`; it set seen_.
  if (read.at_end && seen_ < read_from_) {
    lagging_ = false;
    tried_above_.clear();
  }
}

void Lane::read_failed(MonoTime now) {
  reading_ = false;
  reads_resume_at_ = now + limits_.read_pause;
  shed();
}

bool Lane::offer_due(const store::DueEntry& entry) {
  const auto same = [&](const auto& held) { return held.seq == entry.seq; };
  if (entry.seq <= cancelled_through_ || due_seqs_.contains(entry.seq) ||
      std::any_of(in_flight_.begin(), in_flight_.end(), same)) {
    return true;
  }
  const bool ahead = !stands_still() && budget_.due < budget_.due_max;
  if (due_.size() >= (ahead ? std::max(limits_.due_ahead_max, limits_.due_max) : limits_.due_max)) {
    return false;
  }
  hold_due(entry);
  return true;
}

// They are offered in order of their keys but for those that a lane refused before.
void Lane::hold_due(const store::DueEntry& entry) {
  const auto behind = [](const auto& a, const auto& b) { return key_of(a) < key_of(b); };
  due_.insert(std::upper_bound(due_.begin(), due_.end(), entry, behind), entry);
  due_seqs_.insert(entry.seq);
  ++budget_.due;
}

store::DueEntry Lane::release_due(std::deque<store::DueEntry>::iterator at) {
  store::DueEntry entry = *at;
  due_.erase(at);
  due_seqs_.erase(entry.seq);
  --budget_.due;
  return entry;
}

bool Lane::has_due_room() const {
  if (failing()) return false;
  return due_.size() < limits_.due_max / 2 ||
         (due_.size() < limits_.due_ahead_max / 2 && budget_.due < budget_.due_max / 2);
}

std::optional<store::DueEntry> Lane::shed_due() {
  std::optional<store::DueEntry> first;
  while (stands_still() && due_.size() > limits_.due_max) first = release_due(due_.end() - 1);
  return first;
}

Lane::InFlight Lane::land(Seq seq) {
  const auto at = std::find_if(in_flight_.begin(), in_flight_.end(),
                               [&](const InFlight& f) { return f.seq == seq; });
  CHECK(at != in_flight_.end(), "seq {} ended but was not in flight", seq.value);
  const InFlight landed = *at;
  *at = in_flight_.back();
  in_flight_.pop_back();
  return landed;
}

void Lane::postponed(const store::DueEntry& entry, MonoTime now) {
  land(entry.seq);
  reads_resume_at_ = now + limits_.read_pause;
  if (entry.seq > cancelled_through_) hold_due(entry);
}

void Lane::finished(Seq seq, Ended how, MonoTime now) {
  const bool was_full = in_flight_.size() >= window();
  const InFlight landed = land(seq);
  stalled_ = how == Ended::kStalled;
  if (how == Ended::kSuccess) {
    if (failing())
      window_ = limits_.window_start;
    else if (was_full)
      window_ = std::min(window_ + 1, limits_.window_max);
    failures_in_row_ = 0;
    probe_wait_ = nanoseconds{0};
    return;
  }
  ++failures_in_row_;
  if (how == Ended::kStalled) window_ = std::max<size_t>(1, window_ / 2);
  if (failing()) {
    // What was in flight when the lane began to fail says nothing new: only a probe doubles.
    const nanoseconds wait = landed.probe ? probe_wait_ * 2 : probe_wait_;
    probe_wait_ = std::clamp(wait, limits_.probe_min, limits_.probe_max);
    probe_at_ = now + probe_wait_;
    shed();
  }
}

void Lane::cancel_through(Seq through) {
  cancelled_through_ = std::max(cancelled_through_, through);
  while (!ready_.empty() && ready_.front()->seq <= cancelled_through_) {
    release_ready(ready_.front());
    ready_.pop_front();
  }
  const size_t held = due_.size();
  std::erase_if(due_, [&](const store::DueEntry& e) { return e.seq <= cancelled_through_; });
  std::erase_if(due_seqs_, [&](Seq seq) { return seq <= cancelled_through_; });
  budget_.due -= held - due_.size();
  if (lagging_ && read_from_ <= cancelled_through_) read_from_ = cancelled_through_.next();
}

bool Lane::may_send(MonoTime now, size_t allowed) const {
  if (!enabled_ || in_flight_.size() >= std::min(window(), allowed)) return false;
  return !failing() || now >= probe_at_;
}

std::optional<model::Send> Lane::next(MonoTime now, size_t allowed) {
  if (reads_resume_at_ && now >= *reads_resume_at_) reads_resume_at_.reset();
  if (!may_send(now, allowed) || (!may_take_due() && ready_.empty())) return std::nullopt;
  model::Send send;
  send.endpoint = endpoint_;
  // A probe is the oldest due delivery; otherwise retries and new messages take turns.
  const bool take_due = may_take_due() && (ready_.empty() || due_turn_ || failing());
  due_turn_ = !take_due;
  if (take_due) {
    const store::DueEntry entry = release_due(due_.begin());
    send.seq = entry.seq;
    send.number = static_cast<uint16_t>(entry.attempts + 1);
    send.scheduled_due = entry.due;
    send.trigger = entry.trigger;
  } else {
    send.message = std::move(ready_.front());
    ready_.pop_front();
    send.seq = send.message->seq;
    release_ready(send.message);
  }
  in_flight_.push_back({.seq = send.seq, .first_try = !take_due, .probe = failing()});
  return send;
}

bool Lane::wants_read() const {
  return lagging_ && !reading_ && !reads_resume_at_ && enabled_ && ready_.size() < window() &&
         has_ready_room();
}

size_t Lane::read_count(size_t most) const {
  if (failing()) return 1;
  if (budget_.bytes < budget_.bytes_max) return most;
  return window() > ready_.size() ? std::min(most, window() - ready_.size()) : 1;
}

bool Lane::has_work() const { return !ready_.empty() || !due_.empty() || lagging_; }

std::optional<MonoTime> Lane::wake_at() const {
  if (!enabled_) return std::nullopt;
  if (failing() && in_flight_.empty() && (may_take_due() || !ready_.empty())) return probe_at_;
  if (lagging_ || !due_.empty()) return reads_resume_at_;
  return std::nullopt;
}

Seq Lane::floor() const {
  Seq lowest = lagging_ ? read_from_ : seen_.next();
  if (!ready_.empty()) lowest = std::min(lowest, ready_.front()->seq);
  for (const InFlight& f : in_flight_) {
    if (f.first_try) lowest = std::min(lowest, f.seq);
  }
  return lowest;
}

}  // namespace posthorn::schedule

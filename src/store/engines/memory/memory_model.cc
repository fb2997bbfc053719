// pure: the reference model.
#include "store/engines/memory/memory_model.h"

#include <algorithm>

#include "store/query_match.h"

namespace posthorn::store {
namespace {

// Calls `visit` with the values of a map from the end that the order asks for, until it answers
// false.
template <typename Map, typename Visit>
void walk(const Map& map, bool ascending, Visit visit) {
  if (ascending) {
    for (auto at = map.begin(); at != map.end(); ++at) {
      if (!visit(at->second)) return;
    }
    return;
  }
  for (auto at = map.rbegin(); at != map.rend(); ++at) {
    if (!visit(at->second)) return;
  }
}

MessageRef without_payload(const MessageRef& message) {
  auto copy = std::make_shared<model::Message>(*message);
  copy->payload.clear();
  return copy;
}

}  // namespace

void MemoryModel::change_due(const std::vector<DueChange>& changes) {
  for (const DueChange& change : changes) {
    if (change.add)
      due_[key_of(change.entry)] = change.entry;
    else
      due_.erase(key_of(change.entry));
  }
}

void MemoryModel::apply(const MessageRef& message) {
  last_ = message->seq;
  messages_[message->seq] = message;
  by_id_[message->id] = message->seq;
  for (const model::DedupeKey& key : {message->idempotency, message->event_id_key}) {
    if (!key.empty()) dedupe_[key] = {message->seq, message->accepted_at};
  }
  lanes_.apply(*message);
  if (message->payload_retention_hours != 0) {
    payload_ends_[key_of(payload_end(*message))] = message->seq;
  }
  std::vector<DueChange> changes;
  due_changes(*message, changes);
  change_due(changes);
}

void MemoryModel::apply(const model::Attempt& attempt) {
  last_ = attempt.seq;
  attempts_[attempt.seq] = attempt;
  attempts_of_[{attempt.message_seq, attempt.endpoint}].push_back(attempt.seq);
  lanes_.apply(attempt);
  std::vector<DueChange> changes;
  due_changes(attempt, changes);
  change_due(changes);
}

void MemoryModel::apply(const model::Command& command) {
  last_ = command.seq;
  lanes_.apply(command);
  std::vector<DueChange> changes;
  due_changes(command, changes);
  change_due(changes);
  if (command.kind == model::CommandKind::kExpungePayload) {
    const auto at = messages_.find(command.message_seq);
    if (at == messages_.end()) return;
    payload_ends_.erase(key_of(payload_end(*at->second)));
    if (at->second->payload.empty()) return;
    auto erased = std::make_shared<model::Message>(*at->second);
    erased->payload_expunged = true;
    erased->payload.clear();
    at->second = std::move(erased);
  }
  if (command.kind == model::CommandKind::kExpungeResponse) {
    const auto at = attempts_.find(command.attempt_seq);
    if (at != attempts_.end()) at->second.outcome.response.clear();
  }
}

Result<MessageRef> MemoryModel::read(Seq seq) const {
  const auto at = messages_.find(seq);
  if (at == messages_.end()) return error(Errc::kNotFound, "there is no such message");
  return at->second;
}

Result<MessageRef> MemoryModel::read(const AppId& app, const MessageId& id) const {
  const auto at = by_id_.find(id);
  if (at == by_id_.end() || messages_.at(at->second)->app != app) {
    return error(Errc::kNotFound, "there is no such message");
  }
  return messages_.at(at->second);
}

LaneRead MemoryModel::read_lane(const LaneQuery& query) const {
  LaneRead read;
  size_t bytes = 0;
  for (auto at = messages_.lower_bound(query.from); at != messages_.end(); ++at) {
    const MessageRef& message = at->second;
    if (message->app != query.app || !message->targets->contains(query.endpoint)) continue;
    if (read.messages.size() == query.count_max || bytes >= query.payload_bytes_max) {
      read.next = message->seq;
      return read;
    }
    bytes += message->payload.size();
    read.messages.push_back(message);
  }
  read.next = std::max(last_.next(), query.from);
  read.at_end = true;
  return read;
}

Page<MessageRef> MemoryModel::list(const MessageQuery& query) const {
  Page<MessageRef> page;
  size_t looked_at = 0;
  walk(messages_, query.ascending, [&](const MessageRef& message) {
    if (message->app != query.app || !is_after(query, message->id)) {
      return true;
    }
    const bool fits = matches(query, *message);
    page.done = !fits || page.items.size() < query.limit;
    if (!page.done) return false;
    if (fits) page.items.push_back(query.with_payload ? message : without_payload(message));
    if (query.look_max == 0 || ++looked_at < query.look_max) return true;
    page.done = false;
    page.looked_to = message->id.bytes;
    return false;
  });
  return page;
}

std::optional<FirstUse> MemoryModel::find_duplicate(const model::DedupeKey& key) const {
  const auto at = dedupe_.find(key);
  if (at == dedupe_.end()) return std::nullopt;
  const auto message = messages_.find(at->second.seq);
  return FirstUse{at->second.seq, message == messages_.end() ? nullptr : message->second};
}

bool MemoryModel::has_pending(const model::Message& message) const {
  const auto& endpoints = message.targets->endpoints();
  return std::any_of(endpoints.begin(), endpoints.end(), [&](const EndpointId& endpoint) {
    return delivery_at(message, endpoint).state == model::DeliveryState::kPending;
  });
}

void MemoryModel::remove(const MessageRef& message) {
  for (const EndpointId& endpoint : message->targets->endpoints()) {
    const auto tries = attempts_of_.find({message->seq, endpoint});
    if (tries == attempts_of_.end()) continue;
    for (const Seq seq : tries->second) attempts_.erase(seq);
    attempts_of_.erase(tries);
  }
  std::erase_if(due_, [&](const auto& due) { return due.second.seq == message->seq; });
  payload_ends_.erase(key_of(payload_end(*message)));
  by_id_.erase(message->id);
  messages_.erase(message->seq);
}

void MemoryModel::retire(const WhatIsOver& over) {
  constexpr uint64_t kRecordBytes = 256;  // about, beside the payload
  uint64_t bytes = 0;
  if (over.bytes_max != ~0ull) {
    for (const auto& [seq, message] : messages_) bytes += message->payload.size() + kRecordBytes;
  }
  bool removed = false;
  for (auto at = messages_.begin(); at != messages_.end();) {
    const MessageRef message = (at++)->second;
    if (message->accepted_at >= over.horizon && bytes <= over.bytes_max) break;
    if (has_pending(*message)) continue;
    bytes -= std::min(bytes, message->payload.size() + kRecordBytes);
    remove(message);
    removed = true;
  }
  if (!removed) return;
  std::erase_if(dedupe_, [&](const auto& key) {
    return key.second.at < over.keys_before && !messages_.contains(key.second.seq);
  });
}

Seq MemoryModel::last_before(WallTime at) const {
  Seq last;
  for (const auto& [seq, message] : messages_) {
    if (message->accepted_at >= at) break;
    last = seq;
  }
  return last;
}

std::vector<PendingLane> MemoryModel::lanes_pending(Seq through, size_t limit) const {
  std::vector<PendingLane> lanes;
  for (const auto& [seq, message] : messages_) {
    if (seq > through) break;
    for (const EndpointId& endpoint : message->targets->endpoints()) {
      const PendingLane lane{message->app, endpoint};
      if (delivery_at(*message, endpoint).state != model::DeliveryState::kPending) continue;
      if (std::find(lanes.begin(), lanes.end(), lane) != lanes.end()) continue;
      if (lanes.size() == limit) return lanes;
      lanes.push_back(lane);
    }
  }
  return lanes;
}

OverduePage MemoryModel::payloads_over(const OverdueQuery& query) const {
  OverduePage page;
  page.last = query.after;
  size_t looked_at = 0;
  for (auto at = payload_ends_.upper_bound(key_of(query.after)); at != payload_ends_.end(); ++at) {
    const MessageRef& message = messages_.at(at->second);
    const DueEntry end = payload_end(*message);
    if (end.due > query.until) return page;
    page.at_end = looked_at++ < query.limit;
    if (!page.at_end) return page;
    page.last = end;
    if (!has_pending(*message)) page.payloads.push_back({message->app, message->seq});
  }
  return page;
}

std::vector<DueEntry> MemoryModel::due_page(const DueQuery& query) const {
  std::vector<DueEntry> page;
  for (auto at = due_.upper_bound(key_of(query.after)); at != due_.end(); ++at) {
    const DueEntry& entry = at->second;
    if (entry.due > query.until || page.size() == query.limit) break;
    const LaneRecord* lane = lanes_.find(entry.endpoint);
    if (lane != nullptr && is_closed(entry, *lane)) continue;
    const bool resend = entry.trigger == model::Trigger::kManual && entry.attempts == 0;
    const auto state = delivery(entry.seq, entry.endpoint);
    const bool settled = state.ok() && state->state != model::DeliveryState::kPending;
    if (resend || !settled) page.push_back(entry);
  }
  return page;
}

Result<model::Attempt> MemoryModel::attempt(const AppId& app, const AttemptId& id) const {
  for (const auto& [seq, attempt] : attempts_) {
    if (attempt.id == id && attempt.app == app) return attempt;
  }
  return error(Errc::kNotFound, "there is no such attempt");
}

Page<model::Attempt> MemoryModel::list(const AttemptQuery& query) const {
  Page<model::Attempt> page;
  walk(attempts_, query.ascending, [&](const model::Attempt& attempt) {
    if (!is_after(query, attempt.id) || !matches(query, attempt)) return true;
    page.done = page.items.size() < query.limit;
    if (page.done) page.items.push_back(attempt);
    return page.done;
  });
  return page;
}

model::Delivery MemoryModel::delivery_at(const model::Message& message,
                                         const EndpointId& endpoint) const {
  DeliverySource source;
  source.message = message.seq;
  source.deliver_at = message.deliver_at;
  source.endpoint = endpoint;
  source.lane = lanes_.find(endpoint);
  const auto tries = attempts_of_.find({message.seq, endpoint});
  if (tries != attempts_of_.end()) {
    source.last = last_attempt(attempts_.at(tries->second.back()),
                               static_cast<uint16_t>(tries->second.size()));
  }
  return delivery_of(source);
}

Result<std::vector<model::Delivery>> MemoryModel::deliveries(Seq message) const {
  PH_ASSIGN(const MessageRef stored, read(message));
  std::vector<model::Delivery> all;
  for (const EndpointId& endpoint : stored->targets->endpoints()) {
    all.push_back(delivery_at(*stored, endpoint));
  }
  return all;
}

Result<model::Delivery> MemoryModel::delivery(Seq message, const EndpointId& endpoint) const {
  PH_ASSIGN(const MessageRef stored, read(message));
  if (!stored->targets->contains(endpoint)) {
    return error(Errc::kNotFound, "the message does not go to this endpoint");
  }
  return delivery_at(*stored, endpoint);
}

Page<DeliveryOfMessage> MemoryModel::list(const DeliveryQuery& query) const {
  Page<DeliveryOfMessage> page;
  walk(messages_, query.ascending, [&](const MessageRef& message) {
    if (!is_after(query, message->id) || !matches(query, *message)) return true;
    model::Delivery delivery = delivery_at(*message, query.endpoint);
    if (query.state && delivery.state != *query.state) return true;
    page.done = page.items.size() < query.limit;
    if (page.done) page.items.push_back({message, delivery});
    return page.done;
  });
  return page;
}

}  // namespace posthorn::store

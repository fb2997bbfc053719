// Comparing a store with the reference model.
#include "store/conformance/model_twin.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace posthorn::store {
namespace {

Batch copy_of(const Batch& batch) {
  Batch copy;
  for (const Item& item : batch.items) {
    if (const auto* message = std::get_if<NewMessage>(&item))
      copy.items.emplace_back(NewMessage{std::make_shared<model::Message>(*message->message)});
    else
      copy.items.push_back(item);
  }
  return copy;
}

bool same(const model::Delivery& a, const model::Delivery& b) {
  return a.seq == b.seq && a.endpoint == b.endpoint && a.state == b.state && a.cause == b.cause &&
         a.attempts == b.attempts && a.next_due == b.next_due;
}

std::string text(const model::Delivery& d) {
  return fmt::format("(seq {}, state {}, cause {}, attempts {}, due {})", d.seq.value,
                     static_cast<int>(d.state), static_cast<int>(d.cause), d.attempts,
                     d.next_due.us);
}

std::vector<LaneRecord> by_endpoint(std::vector<LaneRecord> lanes) {
  std::sort(lanes.begin(), lanes.end(),
            [](const LaneRecord& a, const LaneRecord& b) { return a.endpoint < b.endpoint; });
  return lanes;
}

constexpr size_t kPageLimit = 7;
constexpr model::DeliveryState kStates[] = {
    model::DeliveryState::kPending, model::DeliveryState::kDelivered, model::DeliveryState::kDead,
    model::DeliveryState::kCancelled, model::DeliveryState::kFiltered};

// What a page of a list is compared by, and what the next page comes after.
auto key_of_item(const MessageRef& message) { return std::pair(message->seq, message->id); }
auto key_of_item(const DeliveryOfMessage& delivery) { return key_of_item(delivery.message); }
auto key_of_item(const model::Attempt& attempt) { return std::pair(attempt.seq, attempt.id); }

auto list_of(Store& store, const MessageQuery& query) { return store.log().list(query); }
auto list_of(Store& store, const DeliveryQuery& query) { return store.history().list(query); }
auto list_of(Store& store, const AttemptQuery& query) { return store.history().list(query); }
template <typename Query>
auto list_of(const MemoryModel& model, const Query& query) {
  return Result(model.list(query));
}

// All pages of a list, as the seqs of what it holds.
template <typename Query, typename Source>
Result<std::vector<Seq>> all_pages(Query query, Source& source) {
  std::vector<Seq> seqs;
  query.limit = kPageLimit;
  while (true) {
    PH_ASSIGN(const auto page, list_of(source, query));
    for (const auto& item : page.items) {
      const auto [seq, id] = key_of_item(item);
      seqs.push_back(seq);
      query.after = id;
    }
    if (page.done || page.items.empty()) return seqs;
  }
}

// Compares one list of the store with the same list of the model, through all pages.
template <typename Query>
std::string compare_list(std::string_view name, const Query& query, Store& store,
                         const MemoryModel& model) {
  const auto got = all_pages(query, store);
  if (!got.ok()) return fmt::format("{}: {}", name, got.error().message);
  const auto want = all_pages(query, model);
  if (*got == *want) return {};
  std::string numbers;
  for (const auto* list : {&*got, &*want}) {
    for (const Seq seq : *list) numbers += fmt::format(" {}", seq.value);
    if (list == &*got) numbers += " instead of";
  }
  return fmt::format("{} holds{}", name, numbers);
}

std::string compare_deliveries_of(const LaneRecord& lane, bool ascending, Store& store,
                                  const MemoryModel& model) {
  for (const model::DeliveryState state : kStates) {
    DeliveryQuery query;
    query.app = lane.app;
    query.endpoint = lane.endpoint;
    query.state = state;
    query.ascending = ascending;
    std::string different =
        compare_list(fmt::format("a list of deliveries in state {}", static_cast<int>(state)),
                     query, store, model);
    if (!different.empty()) return different;
  }
  return {};
}

std::string compare_attempts_of(const LaneRecord& lane, bool ascending, Store& store,
                                const MemoryModel& model) {
  AttemptQuery query;
  query.app = lane.app;
  query.endpoint = lane.endpoint;
  query.ascending = ascending;
  return compare_list("a list of attempts", query, store, model);
}

std::string compare_reads_of(const LaneRecord& lane, Store& store, const MemoryModel& model) {
  LaneQuery query;
  query.app = lane.app;
  query.endpoint = lane.endpoint;
  query.count_max = 1000;
  const auto got = store.log().read_lane(query);
  if (!got.ok()) return fmt::format("reading a lane: {}", got.error().message);
  const LaneRead want = model.read_lane(query);
  const bool equal = std::equal(
      got->messages.begin(), got->messages.end(), want.messages.begin(), want.messages.end(),
      [](const MessageRef& a, const MessageRef& b) { return a->seq == b->seq; });
  if (!equal || got->at_end != want.at_end || got->next != want.next) return "a lane differs";
  return {};
}

}  // namespace

bool same(const model::Message& a, const model::Message& b) {
  return a.id == b.id && a.seq == b.seq && a.accepted_at == b.accepted_at && a.app == b.app &&
         a.config_version == b.config_version && a.event_type == b.event_type &&
         a.channels == b.channels && a.tags == b.tags && a.event_id == b.event_id &&
         a.event_id_key == b.event_id_key && a.idempotency == b.idempotency &&
         a.idempotency_key == b.idempotency_key && a.body_hash == b.body_hash &&
         a.content_type == b.content_type && a.headers == b.headers &&
         a.ordering_key == b.ordering_key && a.deliver_at == b.deliver_at &&
         a.payload_retention_hours == b.payload_retention_hours && a.source == b.source &&
         *a.targets == *b.targets && a.fifo_sequences == b.fifo_sequences &&
         a.payload == b.payload && a.payload_expunged == b.payload_expunged;
}

bool same(const model::Attempt& a, const model::Attempt& b) {
  return a.id == b.id && a.seq == b.seq && a.recorded_at == b.recorded_at && a.app == b.app &&
         a.endpoint == b.endpoint && a.message == b.message && a.message_seq == b.message_seq &&
         a.number == b.number && a.trigger == b.trigger && a.started_at == b.started_at &&
         a.scheduled_due == b.scheduled_due && a.config_version == b.config_version &&
         a.url == b.url && a.outcome.kind == b.outcome.kind &&
         a.outcome.status == b.outcome.status && a.outcome.response == b.outcome.response &&
         a.outcome.response_headers == b.outcome.response_headers &&
         a.state_after == b.state_after && a.cause == b.cause && a.next_due == b.next_due &&
         a.lane_floor == b.lane_floor;
}

void ModelTwin::started(const Batch& batch) { waiting_.push_back(copy_of(batch)); }

void ModelTwin::refused() { waiting_.pop_back(); }

void ModelTwin::answered(const std::vector<ItemResult>& results) {
  Batch batch = std::move(waiting_.front());
  waiting_.pop_front();
  for (size_t i = 0; i < batch.items.size(); ++i) {
    const ItemResult& result = results[i];
    if (result.verdict != Verdict::kCommitted) continue;
    if (auto* message = std::get_if<NewMessage>(&batch.items[i])) {
      message->message->seq = result.seq;
      message->message->id.bytes = result.id;
      message->message->accepted_at = result.at;
      model_.apply(message->message);
    } else if (auto* attempt = std::get_if<NewAttempt>(&batch.items[i])) {
      attempt->attempt.seq = result.seq;
      attempt->attempt.id.bytes = result.id;
      attempt->attempt.recorded_at = result.at;
      model_.apply(attempt->attempt);
    } else {
      model::Command& command = std::get<NewCommand>(batch.items[i]).command;
      command.seq = result.seq;
      command.recorded_at = result.at;
      model_.apply(command);
    }
  }
}

size_t ModelTwin::would_commit(const Batch& batch) const {
  std::set<model::DedupeKey> seen;
  size_t count = 0;
  for (const Item& item : batch.items) {
    const auto* message = std::get_if<NewMessage>(&item);
    if (message == nullptr) {
      ++count;
      continue;
    }
    std::vector<model::DedupeKey> keys;
    for (const auto& key : {message->message->idempotency, message->message->event_id_key}) {
      if (!key.empty()) keys.push_back(key);
    }
    const bool duplicate = std::any_of(keys.begin(), keys.end(), [&](const auto& key) {
      return seen.contains(key) || model_.find_duplicate(key).has_value();
    });
    if (duplicate) continue;
    seen.insert(keys.begin(), keys.end());
    ++count;
  }
  return count;
}

std::string ModelTwin::settle_unknown(Store& store) {
  const Seq last = store.log().last_durable();
  if (last < model_.last()) {
    return fmt::format("the log ends at {}, {} was acknowledged", last.value, model_.last().value);
  }
  while (!waiting_.empty() && model_.last() < last) {
    const Batch batch = std::move(waiting_.front());
    waiting_.pop_front();
    const size_t count = would_commit(batch);
    if (model_.last().value + count > last.value) {
      return fmt::format("the log ends at {}, inside a batch of {} that begins behind {}",
                         last.value, count, model_.last().value);
    }
    if (std::string wrong = take_recovered(store, batch); !wrong.empty()) return wrong;
  }
  waiting_.clear();
  if (model_.last() == last) return {};
  return fmt::format("the log ends at {}, nothing behind {} was ever appended", last.value,
                     model_.last().value);
}

// Reads seq, id and time of what was recovered from the store itself; the contents must be those
// that were sent.
std::string ModelTwin::take_recovered(Store& store, const Batch& batch) {
  std::vector<ItemResult> results;
  Seq seq = model_.last();
  std::set<model::DedupeKey> seen;
  for (const Item& item : batch.items) {
    ItemResult& result = results.emplace_back();
    if (const auto* message = std::get_if<NewMessage>(&item)) {
      bool duplicate = false;
      for (const auto& key : {message->message->idempotency, message->message->event_id_key}) {
        duplicate |= !key.empty() && (seen.contains(key) || model_.find_duplicate(key));
      }
      if (duplicate) {
        result.verdict = Verdict::kDuplicateKey;
        continue;
      }
      for (const auto& key : {message->message->idempotency, message->message->event_id_key}) {
        if (!key.empty()) seen.insert(key);
      }
      seq = seq.next();
      const auto read = store.log().read(seq);
      if (!read.ok()) return fmt::format("message {}: {}", seq.value, read.error().message);
      model::Message want = *message->message;
      want.seq = seq;
      want.id = (*read)->id;
      want.accepted_at = (*read)->accepted_at;
      if (!same(want, **read)) return fmt::format("message {} is not what was sent", seq.value);
      result = {Verdict::kCommitted, seq, want.id.bytes, want.accepted_at};
      continue;
    }
    seq = seq.next();
    result = {Verdict::kCommitted, seq, {}, {}};
    const auto* attempt = std::get_if<NewAttempt>(&item);
    if (attempt == nullptr) continue;
    AttemptQuery query;
    query.app = attempt->attempt.app;
    query.message = attempt->attempt.message;
    query.limit = 1000;
    const auto page = store.history().list(query);
    if (!page.ok()) return page.error().message;
    const auto at = std::find_if(page->items.begin(), page->items.end(),
                                 [&](const model::Attempt& a) { return a.seq == seq; });
    if (at == page->items.end()) return fmt::format("attempt {} is not listed", seq.value);
    result.id = at->id.bytes;
    result.at = at->recorded_at;
  }
  waiting_.push_front(copy_of(batch));
  answered(results);
  return {};
}

std::string ModelTwin::difference(Store& store) const {
  if (store.log().last_durable() != model_.last()) {
    return fmt::format("the log ends at {} instead of {}", store.log().last_durable().value,
                       model_.last().value);
  }
  if (by_endpoint(store.lanes().all()) != by_endpoint(model_.lanes().all())) {
    return "the lanes differ";
  }
  for (const auto compare :
       {&ModelTwin::compare_messages, &ModelTwin::compare_pages, &ModelTwin::compare_deliveries,
        &ModelTwin::compare_lists, &ModelTwin::compare_due, &ModelTwin::compare_payloads}) {
    std::string different = (this->*compare)(store);
    if (!different.empty()) return different;
  }
  return {};
}

std::string ModelTwin::compare_messages(Store& store) const {
  for (const auto& [seq, want] : model_.messages()) {
    const auto got = store.log().read(seq);
    if (!got.ok()) return fmt::format("message {}: {}", seq.value, got.error().message);
    if (!same(**got, *want)) return fmt::format("message {} differs", seq.value);
    for (const auto& key : {want->idempotency, want->event_id_key}) {
      if (key.empty()) continue;
      const auto found = store.log().find_duplicate(key);
      if (!found.ok()) return fmt::format("key of {}: {}", seq.value, found.error().message);
      if (*found && (*found)->seq == seq) continue;
      return fmt::format("a key of message {} leads to {}", seq.value,
                         *found ? (*found)->seq.value : 0);
    }
  }
  for (const auto& [seq, want] : model_.attempts()) {
    const auto got = store.history().attempt(want.app, want.id);
    if (!got.ok()) return fmt::format("attempt {}: {}", seq.value, got.error().message);
    if (!same(*got, want)) return fmt::format("attempt {} differs", seq.value);
  }
  return {};
}

std::string ModelTwin::compare_pages(Store& store) const {
  std::set<AppId> apps;
  for (const auto& [seq, message] : model_.messages()) apps.insert(message->app);
  for (const AppId& app : apps) {
    for (const bool ascending : {true, false}) {
      MessageQuery query;
      query.app = app;
      query.ascending = ascending;
      std::string different = compare_list("a list of messages", query, store, model_);
      if (!different.empty()) return different;
    }
  }
  return {};
}

std::string ModelTwin::compare_deliveries(Store& store) const {
  for (const auto& [seq, message] : model_.messages()) {
    const auto got = store.history().deliveries(seq);
    const auto want = model_.deliveries(seq);
    if (!got.ok()) return fmt::format("deliveries of {}: {}", seq.value, got.error().message);
    if (got->size() != want->size()) return fmt::format("deliveries of {}: count", seq.value);
    for (size_t i = 0; i < got->size(); ++i) {
      if (!same((*got)[i], (*want)[i])) {
        return fmt::format("a delivery is {} instead of {}", text((*got)[i]), text((*want)[i]));
      }
    }
  }
  return {};
}

std::string ModelTwin::compare_lists(Store& store) const {
  for (const LaneRecord& lane : model_.lanes().all()) {
    for (const bool ascending : {true, false}) {
      std::string different = compare_deliveries_of(lane, ascending, store, model_);
      if (different.empty()) different = compare_attempts_of(lane, ascending, store, model_);
      if (!different.empty()) return different;
    }
    std::string different = compare_reads_of(lane, store, model_);
    if (!different.empty()) return different;
  }
  return {};
}

std::string ModelTwin::compare_due(Store& store) const {
  DueQuery query;
  query.until = WallTime{std::numeric_limits<int64_t>::max()};
  query.limit = 100'000;
  const auto got = store.due().page(query);
  if (!got.ok()) return fmt::format("the due index: {}", got.error().message);
  const std::vector<DueEntry> want = model_.due_page(query);
  if (*got == want) return {};
  std::string entries;
  for (const auto* list : {&*got, &want}) {
    for (const DueEntry& e : *list) {
      entries += fmt::format(" ({}, {}, {})", e.due.us, e.seq.value, e.attempts);
    }
    if (list == &*got) entries += " instead of";
  }
  return fmt::format("the due index holds{}", entries);
}

std::string ModelTwin::compare_payloads(Store& store) const {
  OverdueQuery query;
  query.until = WallTime{std::numeric_limits<int64_t>::max()};
  query.limit = 100'000;
  const auto got = store.retention().payloads_over(query);
  if (!got.ok()) return fmt::format("the ends of payloads: {}", got.error().message);
  const OverduePage want = model_.payloads_over(query);
  if (got->payloads == want.payloads && got->last == want.last) return {};
  return fmt::format("{} payloads are over instead of {}", got->payloads.size(),
                     want.payloads.size());
}

}  // namespace posthorn::store

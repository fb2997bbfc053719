// A store that is a MemoryModel behind a lock; every append is a group of its own.
#include "store/engines/memory/memory_engine.h"

#include "io/guarded.h"
#include "store/commit_notices.h"
#include "store/engines/memory/memory_model.h"
#include "store/id_sequence.h"
#include "store/query_match.h"

namespace posthorn::store {
namespace {

struct State {
  explicit State(uint64_t seed) : ids(seed) {}
  MemoryModel model;
  IdSequence ids;
  bool closed = false;
};

class MemoryEngine : public Store, MessageLog, LaneState, DueIndex, AttemptHistory, RetentionIndex {
 public:
  MemoryEngine(io::Host& host, StoreOptions options)
      : host_(host), options_(std::move(options)), state_(State(host.entropy().word())) {}

  MessageLog& log() override { return *this; }
  LaneState& lanes() override { return *this; }
  DueIndex& due() override { return *this; }
  AttemptHistory& history() override { return *this; }
  RetentionIndex& retention() override { return *this; }
  Status close() override {
    state_.with([](State& state) { state.closed = true; });
    return {};
  }
  Result<bool> maintain() override;

  Status append(Batch&& batch, io::Loop& reply_to, OnAppended on_appended) override;
  void observe(io::Loop& loop, CommitObserver* observer) override {
    notices_.observe(loop, observer);
  }
  Result<MessageRef> read(Seq seq) override {
    return state_.with([&](State& s) { return s.model.read(seq); });
  }
  Result<MessageRef> read(const AppId& app, const MessageId& id) override {
    return state_.with([&](State& s) { return s.model.read(app, id); });
  }
  Result<LaneRead> read_lane(const LaneQuery& query) override {
    return state_.with([&](State& s) { return Result<LaneRead>(s.model.read_lane(query)); });
  }
  Result<Page<MessageRef>> list(const MessageQuery& query) override {
    return state_.with([&](State& s) { return Result<Page<MessageRef>>(s.model.list(query)); });
  }
  Result<std::optional<FirstUse>> find_duplicate(const model::DedupeKey& key) override {
    return state_.with(
        [&](State& s) { return Result<std::optional<FirstUse>>(s.model.find_duplicate(key)); });
  }
  bool surely_new(const model::DedupeKey&) const override {
    return true;  // append() itself checks every key there ever was
  }
  LogHealth health() const override;
  Seq last_durable() const override {
    return state_.with([](const State& s) { return s.model.last(); });
  }

  std::vector<LaneRecord> all() const override {
    return state_.with([](const State& s) { return s.model.lanes().all(); });
  }
  std::optional<LaneRecord> find(const EndpointId& endpoint) const override {
    return state_.with([&](const State& s) -> std::optional<LaneRecord> {
      const LaneRecord* lane = s.model.lanes().find(endpoint);
      if (lane == nullptr) return std::nullopt;
      return *lane;
    });
  }

  Result<std::vector<DueEntry>> page(const DueQuery& query) override {
    return state_.with(
        [&](State& s) { return Result<std::vector<DueEntry>>(s.model.due_page(query)); });
  }
  uint64_t pending() const override {
    return state_.with([](const State& s) { return s.model.due_pending(); });
  }

  Result<Seq> last_before(WallTime at) override {
    return state_.with([&](State& s) { return Result<Seq>(s.model.last_before(at)); });
  }
  Result<std::vector<PendingLane>> lanes_pending(Seq through, size_t limit) override {
    return state_.with([&](State& s) {
      return Result<std::vector<PendingLane>>(s.model.lanes_pending(through, limit));
    });
  }

  Result<OverduePage> payloads_over(const OverdueQuery& query) override {
    return state_.with([&](State& s) { return Result<OverduePage>(s.model.payloads_over(query)); });
  }

  Result<model::Attempt> attempt(const AppId& app, const AttemptId& id) override {
    return state_.with([&](State& s) { return s.model.attempt(app, id); });
  }
  Result<Page<model::Attempt>> list(const AttemptQuery& query) override {
    PH_TRY(check(query));
    return state_.with([&](State& s) { return Result<Page<model::Attempt>>(s.model.list(query)); });
  }
  Result<std::vector<model::Delivery>> deliveries(Seq message) override {
    return state_.with([&](State& s) { return s.model.deliveries(message); });
  }
  Result<model::Delivery> delivery(Seq message, const EndpointId& endpoint) override {
    return state_.with([&](State& s) { return s.model.delivery(message, endpoint); });
  }
  Result<Page<DeliveryOfMessage>> list(const DeliveryQuery& query) override {
    return state_.with(
        [&](State& s) { return Result<Page<DeliveryOfMessage>>(s.model.list(query)); });
  }

 private:
  struct Commit {
    std::vector<MessageRef> messages;
    std::vector<ItemResult> results;
  };
  ItemResult commit(State& state, NewMessage& item, Commit& to);
  ItemResult commit(State& state, NewAttempt& item, Commit& to);
  ItemResult commit(State& state, NewCommand& item, Commit& to);

  io::Host& host_;
  StoreOptions options_;
  CommitNotices notices_;
  io::Guarded<State> state_;
};

ItemResult MemoryEngine::commit(State& state, NewMessage& item, Commit& to) {
  model::Message& message = *item.message;
  for (const auto& [key, verdict] : {std::pair{message.idempotency, Verdict::kDuplicateKey},
                                     std::pair{message.event_id_key, Verdict::kDuplicateEventId}}) {
    if (key.empty()) continue;
    if (const auto first = state.model.find_duplicate(key)) return {verdict, first->seq, {}, {}};
  }
  message.seq = state.model.last().next();
  message.accepted_at = state.ids.clamp(host_.clock().wall());
  message.id.bytes = state.ids.next(message.accepted_at);
  state.model.apply(item.message);
  to.messages.push_back(item.message);
  return {Verdict::kCommitted, message.seq, message.id.bytes, message.accepted_at};
}

ItemResult MemoryEngine::commit(State& state, NewAttempt& item, Commit&) {
  model::Attempt& attempt = item.attempt;
  attempt.seq = state.model.last().next();
  attempt.recorded_at = state.ids.clamp(host_.clock().wall());
  attempt.id.bytes = state.ids.next(attempt.recorded_at);
  state.model.apply(attempt);
  return {Verdict::kCommitted, attempt.seq, attempt.id.bytes, attempt.recorded_at};
}

ItemResult MemoryEngine::commit(State& state, NewCommand& item, Commit&) {
  item.command.seq = state.model.last().next();
  item.command.recorded_at = state.ids.clamp(host_.clock().wall());
  state.model.apply(item.command);
  return {Verdict::kCommitted, item.command.seq, {}, item.command.recorded_at};
}

Status MemoryEngine::append(Batch&& batch, io::Loop& reply_to, OnAppended on_appended) {
  // Publishing happens inside the lock: groups must reach a loop in order of seq.
  return state_.with([&](State& state) -> Status {
    if (state.closed) return error(Errc::kUnavailable, "the store is closed");
    Commit done;
    for (Item& item : batch.items) {
      done.results.push_back(
          std::visit([&](auto& record) { return commit(state, record, done); }, item));
    }
    std::vector<CommitNotices::Reply> replies;
    replies.push_back({&reply_to, std::move(on_appended), std::move(done.results)});
    notices_.publish(std::move(done.messages), std::move(replies));
    return {};
  });
}

// All of it in one step: this engine is small.
Result<bool> MemoryEngine::maintain() {
  const WallTime now = host_.clock().wall();
  WhatIsOver over;
  over.horizon = now - options_.limits.history;
  if (options_.limits.history_bytes_max != 0) over.bytes_max = options_.limits.history_bytes_max;
  over.keys_before = now - options_.limits.idempotency_window;
  state_.with([&](State& state) { state.model.retire(over); });
  return false;
}

LogHealth MemoryEngine::health() const {
  if (!state_.with([](const State& s) { return s.closed; })) return {};
  LogHealth health;
  health.accepting = false;
  health.why_not = error(Errc::kUnavailable, "the store is closed");
  return health;
}

}  // namespace

std::unique_ptr<Store> make_memory_store(io::Host& host, StoreOptions options) {
  return std::make_unique<MemoryEngine>(host, std::move(options));
}

}  // namespace posthorn::store

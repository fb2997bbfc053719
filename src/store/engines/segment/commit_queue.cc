// Encoding of batches, and the queue to the committer.
#include "store/engines/segment/commit_queue.h"

#include <fmt/format.h>

#include <algorithm>

#include "model/encoding.h"

namespace posthorn::store::segment {
namespace {

constexpr size_t kSpareBatchesMax = 1024;
// Larger buffers are given up, so that one burst does not stay in memory.
constexpr size_t kSpareBytesMax = 64u << 10;

// A set that is new to the segment is written twice.
size_t set_record_bytes(const model::TargetSet& set) {
  return 2 * (model::kRecordPrefixBytes + model::kRecordAlignment + sizeof(uint32_t) +
              set.size() * IdBytes::kSize);
}

// Sets that several messages of a batch share count once as long as they follow one another.
void count_message(EncodedBatch& batch, const model::Message& message,
                   const model::TargetSet*& last_set) {
  CHECK(message.targets != nullptr, "a message without targets was appended");
  batch.has_messages = true;
  batch.has_keys |= !message.idempotency.empty() || !message.event_id_key.empty();
  if (message.targets.get() != last_set) batch.sets_bytes += set_record_bytes(*message.targets);
  last_set = message.targets.get();
}

Status encode_item(const Item& item, EncodedBatch& to, const model::TargetSet*& last_set) {
  if (const auto* message = std::get_if<NewMessage>(&item)) {
    count_message(to, *message->message, last_set);
    return model::encode(*message->message, to.bytes);
  }
  if (const auto* attempt = std::get_if<NewAttempt>(&item)) {
    return model::encode(attempt->attempt, to.bytes);
  }
  const model::Command& command = std::get<NewCommand>(item).command;
  to.has_erasures |= model::erased_record(command).value != 0;
  return model::encode(command, to.bytes);
}

}  // namespace

Status encode_batch(EncodedBatch& to, size_t cost_max) {
  const model::TargetSet* last_set = nullptr;
  for (const Item& item : to.batch.items) {
    to.offsets.push_back(static_cast<uint32_t>(to.bytes.size()));
    PH_TRY(encode_item(item, to, last_set));
    if (to.cost() > cost_max) {
      return error(Errc::kTooLarge,
                   fmt::format("a batch of more than {} bytes cannot be one commit", cost_max));
    }
  }
  to.offsets.push_back(static_cast<uint32_t>(to.bytes.size()));
  return {};
}

std::unique_ptr<EncodedBatch> CommitQueue::fresh() {
  auto batch = state_.with([](State& state) -> std::unique_ptr<EncodedBatch> {
    if (state.spare.empty()) return nullptr;
    auto spare = std::move(state.spare.back());
    state.spare.pop_back();
    return spare;
  });
  return batch ? std::move(batch) : std::make_unique<EncodedBatch>();
}

Status CommitQueue::push(std::unique_ptr<EncodedBatch>&& batch, bool& wake) {
  return state_.with([&](State& state) -> Status {
    if (state.closed) return *state.closed;
    if (state.bytes + batch->cost() > bytes_max_) {
      return error(Errc::kOverloaded, "the commit queue is full");
    }
    state.bytes += batch->cost();
    state.waiting.push_back(std::move(batch));
    wake = !std::exchange(state.awake, true);
    return {};
  });
}

bool CommitQueue::take(size_t cost_max, std::vector<std::unique_ptr<EncodedBatch>>& into) {
  return state_.with([&](State& state) {
    size_t cost = 0;
    while (state.taken < state.waiting.size()) {
      std::unique_ptr<EncodedBatch>& next = state.waiting[state.taken];
      if (!into.empty() && cost + next->cost() > cost_max) break;
      cost += next->cost();
      into.push_back(std::move(next));
      ++state.taken;
    }
    state.bytes -= cost;
    // Under load the queue may never be empty: what was taken must go all the same.
    if (state.taken * 2 >= state.waiting.size()) {
      state.waiting.erase(state.waiting.begin(),
                          state.waiting.begin() + static_cast<ptrdiff_t>(state.taken));
      state.taken = 0;
    }
    state.awake = !into.empty();
    return state.awake;
  });
}

void CommitQueue::recycle(std::vector<std::unique_ptr<EncodedBatch>>& done) {
  for (auto& batch : done) {
    batch->batch.items.clear();
    batch->bytes.clear();
    batch->offsets.clear();
    batch->on_appended = nullptr;
    batch->sets_bytes = 0;
    batch->has_keys = batch->has_messages = batch->has_erasures = batch->outdated = false;
    if (batch->bytes.capacity() > kSpareBytesMax) batch.reset();
  }
  state_.with([&](State& state) {
    for (auto& batch : done) {
      if (batch && state.spare.size() < kSpareBatchesMax) state.spare.push_back(std::move(batch));
    }
  });
  done.clear();
}

void CommitQueue::close(Error why) {
  state_.with([&](State& state) {
    if (!state.closed) state.closed = std::move(why);
  });
}

}  // namespace posthorn::store::segment

// Batches attempt records into the log.
#include "record/settle.h"

#include <algorithm>

#include "base/log.h"

namespace posthorn::record {

Settle::Settle(io::Loop& loop, store::MessageLog& log, SettleLimits limits)
    : loop_(loop), log_(log), limits_(limits), retry_(loop.timers(), [this] { flush(); }) {}

Settle::~Settle() { *alive_ = false; }

void Settle::record(model::Attempt attempt, OnRecorded on_recorded) {
  waiting_.push_back({std::move(attempt), std::move(on_recorded)});
  if (flush_posted_ || retry_.armed()) return;
  flush_posted_ = true;
  loop_.post_at_turn_end([this, alive = alive_] {
    if (!*alive) return;
    flush_posted_ = false;
    flush();
  });
}

void Settle::flush() {
  while (!waiting_.empty()) {
    const size_t count = std::min(waiting_.size(), limits_.batch_max);
    store::Batch batch;
    batch.items.reserve(count);
    for (size_t i = 0; i < count; ++i)
      batch.items.push_back(store::NewAttempt{waiting_[i].attempt});
    auto handed = std::make_shared<std::vector<Waiting>>();
    const Status accepted = log_.append(std::move(batch), loop_,
                                        [this, handed, alive = alive_](store::AppendResult result) {
                                          if (*alive) appended(handed, std::move(result));
                                        });
    if (!accepted.ok()) {
      // The queue is full for now: attempts wait here (bounded by what is in flight), in order.
      retry_.arm_at(loop_.clock().now() + limits_.retry_after);
      return;
    }
    handed->reserve(count);
    std::move(waiting_.begin(), waiting_.begin() + static_cast<long>(count),
              std::back_inserter(*handed));
    waiting_.erase(waiting_.begin(), waiting_.begin() + static_cast<long>(count));
    appending_ += count;
  }
}

void Settle::appended(const std::shared_ptr<std::vector<Waiting>>& batch,
                      store::AppendResult result) {
  appending_ -= batch->size();
  if (!result.ok()) {
    // Unknown or failed: the process is ending (a failed sync is fatal), nothing follows from it.
    log(LogLevel::kError, "record", "attempts were not recorded: {}", result.error().message);
    check_idle();
    return;
  }
  for (size_t i = 0; i < batch->size(); ++i) {
    Waiting& one = (*batch)[i];
    const store::ItemResult& made = (*result)[i];
    one.attempt.id = AttemptId{made.id};
    one.attempt.seq = made.seq;
    one.attempt.recorded_at = made.at;
    one.on_recorded(one.attempt);
  }
  check_idle();
}

void Settle::drain(Task idle) {
  idle_ = std::move(idle);
  check_idle();
}

void Settle::check_idle() {
  if (idle_ && waiting() == 0) std::exchange(idle_, nullptr)();
}

}  // namespace posthorn::record

// Batches attempt records into the log.
#include "record/settle.h"

#include "base/log.h"

namespace posthorn::record {

Settle::Settle(io::Loop& loop, store::MessageLog& log, SettleLimits limits)
    : loop_(loop), log_(log), limits_(limits), retry_(loop.timers(), [this] { flush(); }) {}

Settle::~Settle() { *alive_ = false; }

void Settle::record(model::Attempt attempt, OnRecorded on_recorded) {
  if (turns_.empty() || turns_.back().callbacks.size() >= limits_.batch_max) {
    // Turns resemble one another: room for as many as the last one had.
    turns_.emplace_back();
    turns_.back().batch.items.reserve(last_count_);
    turns_.back().callbacks.reserve(last_count_);
  }
  turns_.back().batch.items.push_back(store::NewAttempt{std::move(attempt)});
  turns_.back().callbacks.push_back(std::move(on_recorded));
  ++waiting_;
  if (flush_posted_ || retry_.armed()) return;
  flush_posted_ = true;
  loop_.post_at_turn_end([this, alive = alive_] {
    if (!*alive) return;
    flush_posted_ = false;
    flush();
  });
}

void Settle::flush() {
  while (!turns_.empty()) {
    Turn& turn = turns_.front();
    const size_t count = last_count_ = turn.callbacks.size();
    auto callbacks = std::make_shared<Callbacks>(std::move(turn.callbacks));
    const Status accepted =
        log_.append(std::move(turn.batch), loop_,
                    [this, callbacks, alive = alive_](const store::AppendResult& result) {
                      if (*alive) appended(*callbacks, result);
                    });
    if (!accepted.ok()) {
      // The queue is full for now: attempts wait here (bounded by what is in flight), in order.
      turn.callbacks = std::move(*callbacks);
      retry_.arm_at(loop_.now() + limits_.retry_after);
      return;
    }
    turns_.pop_front();
    waiting_ -= count;
    appending_ += count;
  }
}

void Settle::appended(Callbacks& callbacks, const store::AppendResult& result) {
  appending_ -= callbacks.size();
  if (!result.ok()) {
    // Unknown or failed: the process is ending (a failed sync is fatal), nothing follows from it.
    log(LogLevel::kError, "record", "attempts were not recorded: {}", result.error().message);
  }
  for (size_t i = 0; i < callbacks.size() && result.ok(); ++i) callbacks[i]((*result)[i]);
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

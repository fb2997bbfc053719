// Records attempts: gathers those that end in one turn of the loop and appends them as one batch.
// Order is kept: an attempt handed over earlier is in the log earlier.
#pragma once
#include <deque>
#include <memory>
#include <vector>

#include "base/function.h"
#include "io/loop.h"
#include "io/timer.h"
#include "model/attempt.h"
#include "store/message_log.h"

namespace posthorn::record {

struct SettleLimits {
  size_t batch_max = 256;                      // attempts per append
  nanoseconds retry_after = milliseconds{20};  // when the log refuses for now
};

class Settle {
 public:
  // On the loop, once the attempt is durable; never inside record().
  using OnRecorded = UniqueFunction<void(const store::ItemResult&)>;

  Settle(io::Loop& loop, store::MessageLog& log, SettleLimits limits);
  ~Settle();
  Settle(const Settle&) = delete;
  Settle& operator=(const Settle&) = delete;

  // The attempt's id, seq and recorded_at are made by the committer.
  void record(model::Attempt attempt, OnRecorded on_recorded);
  // Handed over and not durable yet.
  size_t waiting() const { return waiting_ + appending_; }
  // `idle` runs once when nothing waits (at once when nothing does).
  void drain(Task idle);

 private:
  using Callbacks = std::vector<OnRecorded>;
  struct Turn {  // what one append takes: items and callbacks in the same order
    store::Batch batch;
    Callbacks callbacks;
  };
  void flush();
  void appended(Callbacks& callbacks, const store::AppendResult& result);
  void check_idle();

  io::Loop& loop_;
  store::MessageLog& log_;
  const SettleLimits limits_;
  std::deque<Turn> turns_;
  size_t waiting_ = 0;
  size_t last_count_ = 1;
  size_t appending_ = 0;
  bool flush_posted_ = false;
  io::Timer retry_;
  Task idle_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace posthorn::record

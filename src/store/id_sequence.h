// pure: ids of messages and attempts, strictly growing: {time, counter, random}. Called by the
// committer only; the seed comes from outside.
#pragma once
#include "base/ids.h"
#include "base/rng.h"
#include "base/units.h"

namespace posthorn::store {

class IdSequence {
 public:
  explicit IdSequence(uint64_t seed) : rng_(seed) {}

  // The time that a record made at `now` carries: never before that of the record before it, so
  // that order by time is order of acceptance also when the wall clock steps back.
  WallTime clamp(WallTime now) {
    last_time_ = std::max(last_time_, now);
    return last_time_;
  }
  // Above every id before it; `at` is what clamp() gave.
  IdBytes next(WallTime at);
  // Goes on above what the log holds.
  void resume(const IdBytes& last, WallTime last_time);

  const IdBytes& last() const { return last_; }
  WallTime last_time() const { return last_time_; }

 private:
  Rng rng_;
  IdBytes last_;
  WallTime last_time_;
};

}  // namespace posthorn::store

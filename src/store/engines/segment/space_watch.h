// Whether the disk has room: the low-space mark for messages, and how much of the reserve of
// prepared segments is left for attempts. Refreshed by the committer and by maintenance; read by
// any thread.
#pragma once
#include <atomic>

#include "io/clock.h"
#include "io/disk.h"
#include "store/message_log.h"

namespace posthorn::store::segment {

struct SpaceWatchOptions {
  std::string directory;
  uint64_t low_bytes = 0;
};

class SpaceWatch {
 public:
  // Prepared segments behind the one that is written: what goes on when the disk is full.
  static constexpr uint64_t kReserveSegments = 2;

  SpaceWatch(io::Disk& disk, const io::Clock& clock, SpaceWatchOptions options)
      : disk_(disk), clock_(clock), options_(std::move(options)) {}

  // Asks the disk (blocks); a failure keeps the last answer.
  void refresh();
  // The last answer is older than a second.
  bool stale() const;
  void set_reserve(uint64_t segments) { reserve_.store(segments); }

  // Of the file system; 0: not known.
  uint64_t total_bytes() const { return total_bytes_.load(); }
  bool low() const { return low_.load(std::memory_order_relaxed); }
  // No new attempt: half of the reserve is used and nothing can be added to it.
  bool reserve_half_used() const { return low() && reserve_.load() <= kReserveSegments / 2; }

 private:
  io::Disk& disk_;
  const io::Clock& clock_;
  const SpaceWatchOptions options_;
  std::atomic<bool> low_{false};
  std::atomic<uint64_t> total_bytes_{0};
  std::atomic<uint64_t> reserve_{kReserveSegments};
  std::atomic<int64_t> asked_ns_{0};
};

}  // namespace posthorn::store::segment

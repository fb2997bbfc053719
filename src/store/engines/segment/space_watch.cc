// Asking the file system for its free space.
#include "store/engines/segment/space_watch.h"

#include "base/log.h"

namespace posthorn::store::segment {
namespace {
constexpr nanoseconds kFresh = seconds{1};
}  // namespace

void SpaceWatch::refresh() {
  asked_ns_.store(clock_.now().ns);
  const auto space = disk_.space(options_.directory);
  if (!space.ok()) {
    log(LogLevel::kWarn, "store", "free space is unknown: {}", space.error().message);
    return;
  }
  total_bytes_.store(space->total_bytes);
  const bool low = space->free_bytes < options_.low_bytes;
  if (low == low_.exchange(low)) return;
  log(low ? LogLevel::kError : LogLevel::kInfo, "store",
      "{} bytes are free, {} the low-space mark of {}: messages are {}", space->free_bytes,
      low ? "below" : "above", options_.low_bytes, low ? "refused" : "accepted again");
}

bool SpaceWatch::stale() const { return clock_.now() - MonoTime{asked_ns_.load()} >= kFresh; }

}  // namespace posthorn::store::segment

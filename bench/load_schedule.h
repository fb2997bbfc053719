// pure: when the k-th request of a run is meant to be sent. The times are fixed before the run
// starts and do not move when the server is slow: a request that could not be sent in time is
// measured from the time it was meant for, so a stall counts for everyone it held up.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>

#include "load_options.h"

namespace posthorn::bench {

class LoadSchedule {
 public:
  // options.rate_per_s > 0.
  LoadSchedule(const LoadOptions& options, uint64_t start_ns)
      : start_ns_(start_ns),
        step_ns_(1e9 * static_cast<double>(options.batch_events) / options.rate_per_s) {
    const double by_time = std::ceil(options.duration_s * 1e9 / step_ns_);
    requests_ = static_cast<uint64_t>(by_time);
    if (options.count_events != 0) {
      const uint64_t batch = options.batch_events;
      requests_ = std::min(requests_, (options.count_events + batch - 1) / batch);
    }
  }

  uint64_t requests() const { return requests_; }
  uint64_t intended_ns(uint64_t k) const {
    return start_ns_ + static_cast<uint64_t>(static_cast<double>(k) * step_ns_);
  }

 private:
  uint64_t start_ns_;
  double step_ns_;
  uint64_t requests_;
};

}  // namespace posthorn::bench

// When failed deliveries are tried again.
#pragma once
#include <vector>

#include "base/units.h"

namespace posthorn::model {

struct RetryPolicy {
  // The wait before the second, third, … try; when it is used up the delivery is dead: exhausted.
  std::vector<microseconds> schedule;
  double jitter = 0.2;  // each wait is drawn from ±20 % of its value
  microseconds retry_after_max{24ll * 3600 *
                               1'000'000};  // a receiver's wish is honoured up to this
};

}  // namespace posthorn::model

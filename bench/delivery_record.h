// pure: what the sink knows of one run: who arrived, how often, how late. The sink calls record()
// per delivery; the driver reads json() and the bitmaps.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "histogram.h"
#include "id_set.h"

namespace posthorn::bench {

class DeliveryRecord {
 public:
  static constexpr size_t kFanMax = 64;

  // Forgets everything and waits for run `run`, each event of which goes to `fan` endpoints
  // (1..kFanMax). Deliveries of other runs are counted as foreign.
  void reset(uint32_t run, size_t fan);

  // `endpoint` is the number at the end of the delivery's path, below fan.
  void record(std::string_view payload, size_t endpoint, uint64_t now_ns);

  std::string json() const;

  // Bitmap of the events that reached `endpoint`; empty when there is none such.
  std::string_view delivered(size_t endpoint) const;

 private:
  uint32_t run_ = 0;
  std::vector<IdSet> delivered_{1};
  Histogram latency_;
  uint64_t requests_ = 0;
  uint64_t duplicates_ = 0;
  uint64_t foreign_ = 0;
  uint64_t unreadable_ = 0;
  uint64_t first_ns_ = 0;
  uint64_t last_ns_ = 0;
};

}  // namespace posthorn::bench

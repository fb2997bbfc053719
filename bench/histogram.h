// pure: log-linear histogram of nanoseconds for generator and sink. Every power of two is split
// into 128 equal buckets, so a reported value is at most 0.8 % above the recorded one.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace posthorn::bench {

class Histogram {
 public:
  Histogram();

  // Values above the range (2^42 ns, 73 minutes) count in the last bucket; max stays exact.
  void record(uint64_t value_ns);
  void clear();
  void merge(const Histogram& other);

  uint64_t count() const { return count_; }
  uint64_t max_ns() const { return max_ns_; }
  double mean_ns() const;

  // The smallest bucket bound with at least `quantile` of all values at or below it; 0 when empty.
  // quantile is in (0, 1].
  uint64_t value_at(double quantile) const;

  // {"count":…,"mean_us":…,"p50_us":…,"p99_us":…,"p999_us":…,"max_us":…}
  std::string json() const;

 private:
  std::vector<uint64_t> buckets_;
  uint64_t count_ = 0;
  uint64_t max_ns_ = 0;
  double sum_ns_ = 0;
};

}  // namespace posthorn::bench

// pure: bucket arithmetic of the latency histogram.
#include "histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdio>

namespace posthorn::bench {
namespace {

constexpr unsigned kSubBits = 7;  // 128 buckets per power of two
constexpr uint64_t kSub = uint64_t{1} << kSubBits;
constexpr unsigned kValueBits = 42;
constexpr uint64_t kValueMax = (uint64_t{1} << kValueBits) - 1;

// Values below 2 * kSub have a bucket each; above, `shift` low bits are dropped.
size_t bucket_of(uint64_t value) {
  const unsigned width = static_cast<unsigned>(std::bit_width(value));
  const unsigned shift = width > kSubBits + 1 ? width - (kSubBits + 1) : 0;
  return static_cast<size_t>(shift * kSub + (value >> shift));
}

uint64_t upper_bound_of(size_t bucket) {
  if (bucket < 2 * kSub) return bucket;
  const uint64_t shift = bucket / kSub - 1;
  const uint64_t top = bucket - shift * kSub;
  return ((top + 1) << shift) - 1;
}

}  // namespace

Histogram::Histogram() : buckets_(bucket_of(kValueMax) + 1, 0) {}

void Histogram::record(uint64_t value_ns) {
  ++buckets_[bucket_of(std::min(value_ns, kValueMax))];
  ++count_;
  max_ns_ = std::max(max_ns_, value_ns);
  sum_ns_ += static_cast<double>(value_ns);
}

void Histogram::clear() {
  std::fill(buckets_.begin(), buckets_.end(), 0);
  count_ = 0;
  max_ns_ = 0;
  sum_ns_ = 0;
}

void Histogram::merge(const Histogram& other) {
  for (size_t i = 0; i < buckets_.size(); ++i) buckets_[i] += other.buckets_[i];
  count_ += other.count_;
  max_ns_ = std::max(max_ns_, other.max_ns_);
  sum_ns_ += other.sum_ns_;
}

double Histogram::mean_ns() const {
  return count_ == 0 ? 0 : sum_ns_ / static_cast<double>(count_);
}

uint64_t Histogram::value_at(double quantile) const {
  if (count_ == 0) return 0;
  const double exact_rank = std::ceil(quantile * static_cast<double>(count_));
  const uint64_t rank = std::clamp<uint64_t>(static_cast<uint64_t>(exact_rank), 1, count_);
  uint64_t seen = 0;
  for (size_t i = 0; i < buckets_.size(); ++i) {
    seen += buckets_[i];
    if (seen >= rank) return std::min(upper_bound_of(i), max_ns_);
  }
  return max_ns_;
}

std::string Histogram::json() const {
  char text[256];
  const auto us = [](uint64_t ns) { return static_cast<double>(ns) / 1000.0; };
  std::snprintf(text, sizeof text,
                "{\"count\":%llu,\"mean_us\":%.1f,\"p50_us\":%.1f,\"p99_us\":%.1f,"
                "\"p999_us\":%.1f,\"max_us\":%.1f}",
                static_cast<unsigned long long>(count_), mean_ns() / 1000.0, us(value_at(0.5)),
                us(value_at(0.99)), us(value_at(0.999)), us(max_ns_));
  return text;
}

}  // namespace posthorn::bench

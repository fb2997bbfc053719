#include "histogram.h"

#include <gtest/gtest.h>

namespace posthorn::bench {
namespace {

TEST(Histogram, IsExactForSmallValues) {
  Histogram histogram;
  for (uint64_t value = 1; value <= 200; ++value) histogram.record(value);
  EXPECT_EQ(histogram.value_at(0.5), 100U);
  EXPECT_EQ(histogram.value_at(0.99), 198U);
  EXPECT_EQ(histogram.value_at(1.0), 200U);
  EXPECT_DOUBLE_EQ(histogram.mean_ns(), 100.5);
}

TEST(Histogram, NeverReportsLessThanRecordedNorOnePercentMore) {
  for (uint64_t value = 1; value < (uint64_t{1} << 41U); value = value * 5 / 4 + 1) {
    Histogram histogram;
    histogram.record(value);
    histogram.record(uint64_t{1} << 41U);  // so that max does not clamp the bucket bound
    const uint64_t seen = histogram.value_at(0.5);
    EXPECT_GE(seen, value);
    EXPECT_LE(static_cast<double>(seen), static_cast<double>(value) * 1.008);
  }
}

TEST(Histogram, OneSlowValueAmongAThousandIsTheP999Boundary) {
  Histogram histogram;
  for (int i = 0; i < 1998; ++i) histogram.record(1000);
  histogram.record(5'000'000);
  histogram.record(9'000'000);
  EXPECT_LE(histogram.value_at(0.999), 1008U);
  EXPECT_GE(histogram.value_at(0.9995), 5'000'000U);
  EXPECT_EQ(histogram.max_ns(), 9'000'000U);
}

TEST(Histogram, KeepsTheExactMaximumAboveItsRange) {
  Histogram histogram;
  const uint64_t hours = uint64_t{1} << 50U;
  histogram.record(hours);
  EXPECT_EQ(histogram.max_ns(), hours);
  EXPECT_EQ(histogram.count(), 1U);
}

TEST(Histogram, MergesAndClears) {
  Histogram left;
  Histogram right;
  left.record(10);
  right.record(20);
  left.merge(right);
  EXPECT_EQ(left.count(), 2U);
  EXPECT_EQ(left.value_at(1.0), 20U);
  left.clear();
  EXPECT_EQ(left.count(), 0U);
  EXPECT_EQ(left.value_at(0.99), 0U);
}

}  // namespace
}  // namespace posthorn::bench

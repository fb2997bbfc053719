// Random operations on an engine, compared with the reference model again and again.
// POSTHORN_FULL=1 tries many more seeds.
#include <gtest/gtest.h>

#include <cstdlib>

#include "store/conformance/random_load.h"
#include "store/conformance/store_suite.h"

namespace posthorn::store {

void link_property_suite() {}

namespace {

constexpr int kRounds = 12;
constexpr int kBatchesARound = 25;

uint64_t seeds() {
  constexpr uint64_t kQuick = 4;
  constexpr uint64_t kFull = 200;
  return std::getenv("POSTHORN_FULL") != nullptr ? kFull : kQuick;
}

TEST_P(PersistentStoreSuite, SaysWhatTheReferenceModelSays) {
  for (uint64_t seed = 1; seed <= seeds(); ++seed) {
    io::sim::World world(seed);
    StoreDriver driver(world, GetParam().name);
    driver.options.limits.segment_bytes = 32u << 10;
    driver.options.limits.group_bytes_max = 16u << 10;
    ASSERT_TRUE(driver.open().ok());
    ModelTwin twin;
    RandomLoad load(seed, {});
    for (int round = 0; round < kRounds; ++round) {
      for (int i = 0; i < kBatchesARound; ++i) {
        const AppendResult result = append_next(load, driver, twin);
        ASSERT_TRUE(result.ok()) << result.error().message;
      }
      const uint64_t what = load.rng().below(3);
      if (what == 0) {
        ASSERT_TRUE(driver.maintain().ok());
      } else if (what == 1) {
        ASSERT_TRUE(driver.open().ok());
      }
      ASSERT_EQ(twin.difference(driver.store()), "") << "seed " << seed << ", round " << round;
    }
  }
}

}  // namespace
}  // namespace posthorn::store

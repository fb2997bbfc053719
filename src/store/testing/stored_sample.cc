// Makes the stores that are to be damaged.
#include "store/testing/stored_sample.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>

#include "store/conformance/random_load.h"

namespace posthorn::store::testing {
namespace {

struct Recipe {
  uint64_t seed = 0;
  uint64_t segment_bytes = 0;
  size_t group_bytes_max = 0;
  int batches = 0;
  bool close = false;
};

std::unique_ptr<StoredSample> make(const Recipe& recipe) {
  auto made = std::make_unique<StoredSample>();
  io::sim::World world(recipe.seed);
  StoreDriver driver(world, "segment");
  driver.options.limits.segment_bytes = recipe.segment_bytes;
  driver.options.limits.group_bytes_max = recipe.group_bytes_max;
  made->limits = driver.options.limits;
  EXPECT_TRUE(driver.open().ok());
  RandomLoad load(7, {.payload_bytes_max = 1500});
  for (int i = 0; i < recipe.batches; ++i) {
    const AppendResult result = append_next(load, driver, made->twin);
    EXPECT_TRUE(result.ok()) << (result.ok() ? "" : result.error().message);
    if (i % 40 == 0) {
      EXPECT_TRUE(driver.maintain().ok());
    }
  }
  if (recipe.close) {
    EXPECT_TRUE(driver.maintain().ok());
    EXPECT_EQ(made->twin.difference(driver.store()), "");
    EXPECT_TRUE(driver.close().ok());
  }
  made->disk = world.storage().image();
  made->files = files_of(world.disk(), kSampleRoot);
  return made;
}

}  // namespace

StoredSample::Machine::Machine(const StoredSample& sample) : world(3), driver(world, "segment") {
  world.storage().insert_disk(sample.disk);
  driver.options.limits = sample.limits;
}

std::vector<std::string> StoredSample::paths_with(std::string_view suffix) const {
  std::vector<std::string> paths;
  for (const auto& [path, bytes] : files) {
    if (path.ends_with(suffix)) paths.push_back(path);
  }
  return paths;
}

const StoredSample& store_of_small_segments() {
  static const auto kSample = make({1, 12u << 10, 7u << 10, 220, true});
  return *kSample;
}
const StoredSample& store_of_whole_segments() {
  static const auto kSample = make({2, 64u << 10, 12u << 10, 220, true});
  return *kSample;
}
const StoredSample& killed_store() {
  static const auto kSample = make({3, 64u << 10, 12u << 10, 60, false});
  return *kSample;
}

bool full_run() { return std::getenv("POSTHORN_FULL") != nullptr; }

void for_places(const StoredSample& sample, const std::vector<std::string>& paths,
                const Sampling& sampling, const std::function<void(const Place&)>& visit) {
  uint64_t bytes = 0;
  for (const std::string& path : paths) bytes += sample.files.at(path).size();
  ASSERT_GT(bytes, 0u) << "there is nothing to be damaged";
  const bool all = full_run() && !sampling.always;
  const uint64_t step = all ? 1 : std::max<uint64_t>(1, bytes / sampling.count) | 1;
  Rng rng(step);
  uint64_t next = rng.below(step);
  uint64_t begin = 0;
  for (const std::string& path : paths) {
    const uint64_t end = begin + sample.files.at(path).size();
    for (; next < end; next += step) {
      const Place place{path, next - begin, static_cast<uint8_t>(1u << rng.below(8))};
      if (next / step % sampling.shares != sampling.share) continue;
      visit(place);
      if (::testing::Test::HasFailure()) {
        ADD_FAILURE() << path << ", byte " << place.offset << ", mask " << int{place.mask};
        return;
      }
    }
    begin = end;
  }
}

}  // namespace posthorn::store::testing

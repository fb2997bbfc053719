#include "catalog/bucket_map.h"

#include <gtest/gtest.h>

#include <map>

#include "base/rng.h"

namespace posthorn::catalog {
namespace {

// All keys share their hash, so that buckets cannot be split.
struct Stubborn {
  int value = 0;
  bool operator==(const Stubborn&) const = default;
};

}  // namespace
template <>
struct BucketHash<Stubborn> {
  uint64_t operator()(const Stubborn&) const { return 7; }
};
namespace {

TEST(BucketMap, AgreesWithAMapOverRandomChanges) {
  Rng rng(42);
  std::map<std::string, int> model;
  BucketMap<std::string, int> map;
  for (int step = 0; step < 20'000; ++step) {
    const std::string key = "key" + std::to_string(rng.below(3000));
    if (rng.below(3) == 0) {
      model.erase(key);
      map = map.without(key);
    } else {
      model[key] = step;
      map = map.with(key, step);
    }
    ASSERT_EQ(map.size(), model.size());
  }
  for (int number = 0; number < 3000; ++number) {
    const std::string key = "key" + std::to_string(number);
    const auto expected = model.find(key);
    const int* found = map.find(key);
    ASSERT_EQ(found != nullptr, expected != model.end()) << key;
    if (found != nullptr) {
      EXPECT_EQ(*found, expected->second);
    }
  }
  std::map<std::string, int> walked;
  map.for_each([&](const std::string& key, int value) { walked[key] = value; });
  EXPECT_EQ(walked, model);
}

TEST(BucketMap, KeepsTheOriginalOfAChangedCopy) {
  BucketMap<std::string, int> map;
  for (int number = 0; number < 1000; ++number) map = map.with(std::to_string(number), number);
  const BucketMap<std::string, int> changed = map.with("7", -7).without("8").with("new", 1);
  EXPECT_EQ(*map.find("7"), 7);
  EXPECT_EQ(*map.find("8"), 8);
  EXPECT_EQ(map.find("new"), nullptr);
  EXPECT_EQ(map.size(), 1000u);
  EXPECT_EQ(*changed.find("7"), -7);
  EXPECT_EQ(changed.find("8"), nullptr);
  EXPECT_EQ(changed.size(), 1000u);
}

TEST(BucketMap, BuiltAtOnceEqualsOneBuiltStepByStep) {
  std::vector<std::pair<std::string, int>> entries;
  entries.reserve(5000);
  for (int number = 0; number < 5000; ++number)
    entries.emplace_back(std::to_string(number), number);
  const auto map = BucketMap<std::string, int>::from(entries);
  EXPECT_EQ(map.size(), entries.size());
  for (const auto& [key, value] : entries) {
    ASSERT_NE(map.find(key), nullptr);
    EXPECT_EQ(*map.find(key), value);
  }
  EXPECT_EQ(map.find("5000"), nullptr);
}

TEST(BucketMap, HoldsManyKeysOfOneHash) {
  BucketMap<Stubborn, int> map;
  for (int number = 0; number < 100; ++number) map = map.with(Stubborn{number}, number);
  EXPECT_EQ(*map.find(Stubborn{99}), 99);
  for (int number = 0; number < 100; ++number) map = map.without(Stubborn{number});
  EXPECT_EQ(map.size(), 0u);
  EXPECT_EQ(map.find(Stubborn{1}), nullptr);
}

TEST(BucketMap, FindsByAViewOfTheKey) {
  const auto map = BucketMap<std::string, int>().with("a rather long key, not inlined", 1);
  const std::string text = "xa rather long key, not inlinedx";
  const std::string_view view = std::string_view(text).substr(1, text.size() - 2);
  ASSERT_NE(map.find(view), nullptr);
}

}  // namespace
}  // namespace posthorn::catalog

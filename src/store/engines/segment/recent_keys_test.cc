// The committer's key table against std::map.
#include "store/engines/segment/recent_keys.h"

#include <gtest/gtest.h>

#include <map>

#include "base/rng.h"

namespace posthorn::store::segment {
namespace {

model::DedupeKey random_key(Rng& rng) {
  model::DedupeKey key;
  rng.fill(key.bytes);
  return key;
}

TEST(RecentKeys, FindsWhatWasInsertedAlsoAfterFreezing) {
  RecentKeys keys(1000, 7);
  std::map<model::DedupeKey, Seq> model;
  std::vector<std::shared_ptr<const KeyTable>> frozen;
  Rng rng(1);
  for (uint64_t seq = 1; seq <= 5000; ++seq) {
    // Every tenth key is one of the last few again: it gets the newer seq.
    model::DedupeKey key = random_key(rng);
    if (seq % 10 == 0) key = model.begin()->first;
    if (keys.full()) frozen.push_back(keys.freeze());
    ASSERT_TRUE(keys.insert(key, Seq{seq}, WallTime{static_cast<int64_t>(seq)}));
    model[key] = Seq{seq};
  }
  ASSERT_GE(frozen.size(), 4u);
  for (const auto& [key, seq] : model) ASSERT_EQ(keys.find(key), seq);
  for (int i = 0; i < 1000; ++i) ASSERT_FALSE(keys.find(random_key(rng)).has_value());
  keys.release(frozen[0]);
  size_t gone = 0;
  for (const DedupeEntry& entry : frozen[0]->sorted()) gone += !keys.find(entry.key).has_value();
  EXPECT_GE(gone, frozen[0]->size() - 1);
  EXPECT_EQ(frozen[0]->first(), Seq{1});
  EXPECT_EQ(frozen[0]->newest().us, static_cast<int64_t>(frozen[0]->last().value));
}

TEST(RecentKeys, AFullTableRefusesNewKeysButNotKnownOnes) {
  RecentKeys keys(100, 0);
  Rng rng(2);
  const model::DedupeKey known = random_key(rng);
  ASSERT_TRUE(keys.insert(known, Seq{1}, {}));
  while (!keys.full()) ASSERT_TRUE(keys.insert(random_key(rng), Seq{2}, {}));
  EXPECT_FALSE(keys.insert(random_key(rng), Seq{3}, {}));
  EXPECT_TRUE(keys.insert(known, Seq{4}, {}));
  EXPECT_EQ(keys.find(known), Seq{4});
  EXPECT_EQ(keys.size(), 100u);
}

TEST(RecentKeys, SortedIsAscendingAndComplete) {
  KeyTable table(100000, 3);
  Rng rng(3);
  for (uint64_t seq = 1; seq <= 20000; ++seq) table.insert(random_key(rng), Seq{seq}, {});
  const auto sorted = table.sorted();
  ASSERT_EQ(sorted.size(), 20000u);
  for (size_t i = 1; i < sorted.size(); ++i) ASSERT_LT(sorted[i - 1].key, sorted[i].key);
}

TEST(RecentKeys, FreezingNothingGivesNothing) {
  RecentKeys keys(10, 0);
  EXPECT_EQ(keys.freeze(), nullptr);
}

}  // namespace
}  // namespace posthorn::store::segment

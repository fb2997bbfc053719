// The key files against std::map over simulated days: merged, expired, reopened, within a budget.
#include "store/engines/segment/dedupe_tiers.h"

#include <gtest/gtest.h>

#include <map>

#include "base/rng.h"
#include "store/engines/segment/dedupe_file.h"
#include "store/testing/memory_disk.h"

namespace posthorn::store::segment {
namespace {

constexpr int64_t kMinute = 60'000'000;
constexpr int64_t kHour = 60 * kMinute;

class KeyTiers : public ::testing::Test {
 protected:
  KeyTiers() { reopen(); }
  void reopen() {
    tiers_.reset();
    tiers_ = DedupeTiers::open(disk_, cache_, options_).value();
  }
  model::DedupeKey random_key() {
    model::DedupeKey key;
    rng_.fill(key.bytes);
    return key;
  }
  // One table of so many keys, accepted within `span` from now on.
  std::shared_ptr<KeyTable> make_table(size_t keys, int64_t span_us) {
    auto table = std::make_shared<KeyTable>(keys, 1);
    for (size_t i = 0; i < keys; ++i) {
      now_ = now_ + microseconds(span_us / static_cast<int64_t>(keys));
      // Now and then a key comes again, after its first message expired or by mistake.
      const bool again = !facts_.empty() && rng_.below(50) == 0;
      const model::DedupeKey key = again ? facts_.begin()->first : random_key();
      table->insert(key, Seq{++seq_}, now_);
      facts_[key] = {Seq{seq_}, now_};
    }
    return table;
  }
  void add(size_t keys, int64_t span_us) {
    ASSERT_TRUE(tiers_->add(*make_table(keys, span_us)).ok());
  }
  void merge_all() {
    for (int i = 0; i < 100; ++i) {
      if (!tiers_->merge_step(now_).value()) return;
    }
    FAIL() << "merging does not come to an end";
  }
  void compare() {
    for (const auto& [key, fact] : facts_) {
      const auto found = tiers_->find(key).value();
      const bool due = now_ - fact.at <= options_.window;
      if (due || found) {
        ASSERT_EQ(found, fact.seq);
      }
      if (found) {
        ASSERT_FALSE(tiers_->surely_new(key));
      }
    }
    for (int i = 0; i < 200; ++i) ASSERT_FALSE(tiers_->find(random_key()).value().has_value());
  }

  struct Fact {
    Seq seq;
    WallTime at;
  };
  testing::MemoryDisk disk_;
  OpenFiles files_{disk_, 8};
  BlockCache cache_{files_, 4 << 20};
  DedupeTiersOptions options_{
      .directory = "k", .window = seconds(24 * 3600), .filter_bytes_max = 1 << 20};
  Rng rng_{17};
  WallTime now_{1'700'000'000'000'000};
  uint64_t seq_ = 0;
  std::map<model::DedupeKey, Fact> facts_;
  std::unique_ptr<DedupeTiers> tiers_;
};

TEST_F(KeyTiers, FindEveryKeyForADayAndStayFew) {
  for (int i = 0; i < 400; ++i) {
    add(1 + rng_.below(60), static_cast<int64_t>(1 + rng_.below(20)) * kMinute);
    merge_all();
    if (i % 40 == 39) compare();
    if (i % 90 == 89) reopen();
    ASSERT_LE(tiers_->counts().files, 20u) << "after " << i;
    ASSERT_FALSE(HasFailure()) << "after " << i;
  }
  compare();
  // Some 66 hours have passed: what is held is not much more than the window asks for.
  const auto held = tiers_->counts().keys;
  EXPECT_LT(held, facts_.size() * 45 / 60);
  EXPECT_EQ(tiers_->covered(), Seq{seq_});
}

TEST_F(KeyTiers, ForgetNothingWithinTheWindowAndAllOfItLongAfter) {
  add(100, kMinute);
  const auto old = facts_;
  now_ = now_ + microseconds(23 * kHour);
  add(10, kMinute);
  merge_all();
  for (const auto& [key, fact] : old) ASSERT_TRUE(tiers_->find(key).value().has_value());
  now_ = now_ + microseconds(60 * kHour);
  add(10, kMinute);
  merge_all();
  for (const auto& [key, fact] : old) {
    const bool again = facts_[key].seq != fact.seq;
    ASSERT_EQ(tiers_->find(key).value().has_value(), again);
  }
  EXPECT_EQ(tiers_->counts().files, 1u);
}

TEST_F(KeyTiers, AClockThatJumpsAheadForgetsNothing) {
  add(100, kMinute);
  now_ = now_ + microseconds(24 * 365 * kHour);
  merge_all();
  EXPECT_EQ(tiers_->counts().keys, facts_.size());
}

TEST_F(KeyTiers, AreWrongAboutFewStrangersWithAllFiltersInMemory) {
  add(50000, 30 * kMinute);
  int wrong = 0;
  for (int i = 0; i < 100000; ++i) wrong += !tiers_->surely_new(random_key());
  EXPECT_LE(wrong, 100);
}

TEST_F(KeyTiers, KeepTheirFiltersWithinTheBudgetAndStillFindEverything) {
  for (const size_t budget : {size_t{0}, size_t{5000}, size_t{12000}, size_t{60000}}) {
    options_.filter_bytes_max = budget;
    reopen();
    for (int i = 0; i < 5; ++i) add(2000, 40 * kMinute);
    merge_all();
    EXPECT_LE(tiers_->counts().filter_bytes, budget);
    compare();
    int unsure = 0;
    for (int i = 0; i < 1000; ++i) unsure += !tiers_->surely_new(random_key());
    if (budget == 0) {
      EXPECT_EQ(unsure, 1000);
    }
  }
}

TEST_F(KeyTiers, AReplayAddsNothing) {
  const auto table = make_table(500, kMinute);
  ASSERT_TRUE(tiers_->add(*table).ok());
  ASSERT_TRUE(tiers_->add(*table).ok());
  EXPECT_EQ(tiers_->counts().keys, table->size());
  // The replay goes on where the files end, in one table with what came before.
  KeyTable longer(2000, 1);
  for (const DedupeEntry& entry : table->sorted()) longer.insert(entry.key, entry.seq, now_);
  for (int i = 0; i < 100; ++i) {
    const model::DedupeKey key = random_key();
    longer.insert(key, Seq{++seq_}, now_);
    facts_[key] = {Seq{seq_}, now_};
  }
  ASSERT_TRUE(tiers_->add(longer).ok());
  compare();
  reopen();
  compare();
  EXPECT_EQ(tiers_->counts().files, 1u);
}

TEST_F(KeyTiers, WhatAMergeLeftBehindGoesAtOpen) {
  add(100, kMinute);
  add(100, kMinute);
  const auto names = disk_.list("k").value();
  const std::string first = disk_.bytes("k/" + names[0]);
  for (int i = 0; i < 10; ++i) add(100, kMinute);
  merge_all();
  disk_.set_bytes("k/" + names[0], first);
  disk_.set_bytes("k/x.keys.tmp", "x");
  reopen();
  EXPECT_FALSE(disk_.exists("k/" + names[0]));
  EXPECT_FALSE(disk_.exists("k/x.keys.tmp"));
  compare();
}

TEST_F(KeyTiers, ADamagedFileIsLoudWhereItIsAskedAndStopsNoOther) {
  add(3000, kMinute);
  const auto hurt = facts_;
  const std::string path = "k/" + disk_.list("k").value()[0];
  std::string bytes = disk_.bytes(path);
  const auto file = SortedFile::open(cache_, path).value();
  bytes[file->table(1)->first_block * kBlockBytes + 99] ^= 1;
  disk_.set_bytes(path, bytes);
  cache_.forget(CachedFile(path));
  for (int i = 0; i < 20; ++i) add(100, kMinute);
  merge_all();
  int lost = 0;
  for (const auto& [key, fact] : facts_) {
    const auto found = tiers_->find(key);
    if (found.ok()) {
      ASSERT_EQ(*found, fact.seq);
      continue;
    }
    ASSERT_EQ(found.error().code, Errc::kUnavailable);
    ++lost;
  }
  EXPECT_GT(lost, 0);
  EXPECT_LE(lost, 170 + 20);  // one block, and the few that its filter is wrong about
}

TEST(KeyPlans, ABudgetGoesWhereItSavesMost) {
  testing::MemoryDisk disk;
  OpenFiles files(disk, 8);
  BlockCache cache(files, 1 << 20);
  Rng rng(1);
  KeyFiles all;
  for (uint64_t i = 1; i <= 3; ++i) {
    auto writer = SortedFileWriter::create(disk, "k").value();
    const uint64_t keys = i * i * 1000;
    ASSERT_TRUE(writer->begin_table(kKeyShape, keys).ok());
    for (uint64_t k = 0; k < keys; ++k) {
      std::string entry = std::string(24, '\0');
      store_le(entry.data(), __builtin_bswap64(k << 40));
      ASSERT_TRUE(writer->add(entry).ok());
    }
    ASSERT_TRUE(writer->end_table().ok());
    ASSERT_TRUE(writer->finish(encode_key_meta({}, {})).ok());
    cache.forget(CachedFile("k"));
    all.push_back(open_key_file(cache, "k", {i, i}).value());
  }
  EXPECT_EQ(plan_layers(all, 0), (std::vector<uint8_t>{0, 0, 0}));
  EXPECT_EQ(plan_layers(all, 1 << 20), (std::vector<uint8_t>{4, 4, 4}));
  // Room for the first layer of all, and then for the small ones.
  EXPECT_EQ(plan_layers(all, 512 + 2048 + 4608 + 600 + 2100), (std::vector<uint8_t>{2, 2, 1}));
}

}  // namespace
}  // namespace posthorn::store::segment

// Key files through power cuts at every change: a key that was written is found.
#include <gtest/gtest.h>

#include "base/rng.h"
#include "store/engines/segment/dedupe_tiers.h"
#include "store/testing/power_cuts.h"

namespace posthorn::store::segment {
namespace {

struct Opened {
  explicit Opened(io::Disk& disk)
      : files(disk, 8),
        cache(files, 1 << 20),
        tiers(DedupeTiers::open(disk, cache, {.directory = "/k"})) {}
  OpenFiles files;
  BlockCache cache;
  Result<std::unique_ptr<DedupeTiers>> tiers;
};

// Tables of a few hours, each a quarter of an hour.
std::vector<std::unique_ptr<KeyTable>> make_tables(size_t count) {
  Rng rng(3);
  std::vector<std::unique_ptr<KeyTable>> tables;
  uint64_t seq = 0;
  WallTime now{1'700'000'000'000'000};
  for (size_t i = 0; i < count; ++i) {
    tables.push_back(std::make_unique<KeyTable>(100, 1));
    for (int key = 0; key < 40; ++key) {
      model::DedupeKey random;
      rng.fill(random.bytes);
      now = now + std::chrono::seconds(22);
      tables.back()->insert(random, Seq{++seq}, now);
    }
  }
  return tables;
}

TEST(KeyPowerCuts, LoseNoKey) {
  const auto tables = make_tables(20);
  const WallTime now = tables.back()->newest();
  size_t added = 0;
  testing::PowerCutTest test;
  test.prepare = [&](io::Disk& disk) {
    ASSERT_TRUE(disk.make_directory("/k").ok());
    ASSERT_TRUE(disk.sync_directory("/").ok());
    Opened opened(disk);
    for (added = 0; added < 15; ++added) ASSERT_TRUE((*opened.tiers)->add(*tables[added]).ok());
  };
  test.act = [&](io::Disk& disk) {
    Opened opened(disk);
    if (!opened.tiers.ok()) return;
    for (; added < tables.size(); ++added) {
      if (!(*opened.tiers)->add(*tables[added]).ok()) return;
      const auto more = (*opened.tiers)->merge_step(now);
      if (!more.ok()) return;
    }
    for (Result<bool> more = true; more.ok() && *more;) more = (*opened.tiers)->merge_step(now);
  };
  test.check = [&](io::Disk& disk) {
    Opened opened(disk);
    ASSERT_TRUE(opened.tiers.ok()) << opened.tiers.error().message;
    for (size_t i = 0; i < added; ++i) {
      for (const DedupeEntry& entry : tables[i]->sorted()) {
        ASSERT_EQ((*opened.tiers)->find(entry.key).value(), entry.seq) << "table " << i;
      }
    }
    EXPECT_GE((*opened.tiers)->covered(), tables[added - 1]->last());
  };
  EXPECT_GT(testing::for_every_power_cut(test), 60u);
}

}  // namespace
}  // namespace posthorn::store::segment

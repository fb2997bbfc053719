// Recovery without a checkpoint reads the whole log; what it holds in memory meanwhile is bounded.
#include "store/engines/segment/recovery.h"

#include <gtest/gtest.h>

#include "store/testing/stored_sample.h"

namespace posthorn::store::segment {
namespace {

constexpr size_t kKeysMax = 16;
constexpr size_t kDueMax = 16;
constexpr size_t kOutcomeBytesMax = 4096;

TEST(Recovery, OfTheWholeLogHoldsLittleInMemory) {
  const testing::StoredSample& sample = testing::store_of_small_segments();
  testing::StoredSample::Machine machine(sample);
  io::Disk& disk = machine.world.disk();
  OpenFiles open_files(disk, 64);
  BlockCache cache(open_files, 1u << 20);
  SegmentFiles files(disk, {"/data/segments", sample.limits.segment_bytes});
  io::Guarded<Live> live{Live(kKeysMax)};
  const auto tiers = IndexTiers::open(disk, cache, {.directory = "/data/index"}).value();
  const auto keys = DedupeTiers::open(disk, cache, {.directory = "/data/keys"}).value();
  LogIndex index(*tiers, live);
  RecordReader reader(open_files, files);
  Ledger ledger({live, index, reader, files,
                 Outcomes::open(disk, cache, {"/data/outcomes", kOutcomeBytesMax}, "").value(),
                 DueRuns::open(disk, cache, {"/data/due", kDueMax}, "").value(),
                 DueRuns::open(disk, cache, {"/data/payloads", kDueMax}, "").value()});
  Recovery recovery({files, *tiers, *keys, live, ledger});
  ASSERT_TRUE(recovery.run().ok());
  EXPECT_GT(recovery.report().segments_read, 10u);
  live.with([](const Live& now) {
    EXPECT_LE(now.keys.size(), kKeysMax);
    EXPECT_TRUE(now.frozen_keys.empty());
    EXPECT_TRUE(now.follow_ups.empty());
    EXPECT_TRUE(now.sealing.empty());
  });
  ledger.up_to_date([&](Outcomes& outcomes, DueRuns& due) {
    EXPECT_FALSE(outcomes.wants_flush());
    EXPECT_FALSE(outcomes.files().empty());
    for (DueRuns* runs : {&due, &ledger.payloads()}) {
      EXPECT_FALSE(runs->wants_flush());
      EXPECT_FALSE(runs->files().empty());
    }
  });
  for (const auto& [seq, message] : sample.twin.model().messages()) {
    for (const auto& key : {message->idempotency, message->event_id_key}) {
      if (key.empty()) continue;
      auto found = live.with([&](const Live& now) { return now.keys.find(key); });
      if (!found) found = keys->find(key).value();
      EXPECT_EQ(found, seq) << "key of message " << seq.value;
    }
  }
}

}  // namespace
}  // namespace posthorn::store::segment

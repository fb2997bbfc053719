// Index files through power cuts at every change: what was sealed is there, what was merged away
// is not missed.
#include <gtest/gtest.h>

#include "store/engines/segment/index_tiers.h"
#include "store/testing/index_model.h"
#include "store/testing/power_cuts.h"

namespace posthorn::store::segment {
namespace {

struct Opened {
  explicit Opened(io::Disk& disk)
      : files(disk, 8), cache(files, 1 << 20), tiers(IndexTiers::open(disk, cache, {"/i", 4, 8})) {}
  OpenFiles files;
  BlockCache cache;
  Result<std::unique_ptr<IndexTiers>> tiers;
};

bool merge_all(IndexTiers& tiers) {
  while (true) {
    const auto more = tiers.merge_step();
    if (!more.ok()) return false;
    if (!*more) return true;
  }
}

TEST(IndexPowerCuts, LoseNoSealedSegmentAndNoAnswer) {
  constexpr size_t kSegments = 17;
  // The oldest, a whole run and some in the middle of one.
  const std::vector<SegmentNumber> gone{{1}, {2}, {4}, {5}, {6}, {7}, {9}, {10}};
  IndexModel model;
  IndexTraffic traffic(9, 6);
  std::vector<std::unique_ptr<OpenIndex>> segments;
  for (size_t i = 0; i < kSegments; ++i) segments.push_back(traffic.segment(60, model));
  model.remove(gone);
  size_t sealed = 0;

  testing::PowerCutTest test;
  test.prepare = [&](io::Disk& disk) {
    ASSERT_TRUE(disk.make_directory("/i").ok());
    ASSERT_TRUE(disk.sync_directory("/").ok());
    Opened opened(disk);
    for (sealed = 0; sealed < 14; ++sealed) {
      ASSERT_TRUE((*opened.tiers)->seal(*segments[sealed]).ok());
    }
    ASSERT_TRUE(merge_all(**opened.tiers));
  };
  test.act = [&](io::Disk& disk) {
    Opened opened(disk);
    if (!opened.tiers.ok()) return;
    for (; sealed < kSegments; ++sealed) {
      if (!(*opened.tiers)->seal(*segments[sealed]).ok()) return;
    }
    if (!merge_all(**opened.tiers)) return;
    (void)(*opened.tiers)->remove(gone).ok();
  };
  test.check = [&](io::Disk& disk) {
    Opened opened(disk);
    ASSERT_TRUE(opened.tiers.ok()) << opened.tiers.error().message;
    IndexTiers& tiers = **opened.tiers;
    ASSERT_TRUE(tiers.remove(gone).ok());
    const auto spans = tiers.segments();
    for (size_t i = 0; i < sealed; ++i) {
      if (std::find(gone.begin(), gone.end(), segments[i]->segment()) != gone.end()) continue;
      const bool there = std::any_of(spans.begin(), spans.end(), [&](const SegmentSpan& span) {
        return span == segments[i]->span();
      });
      ASSERT_TRUE(there) << "segment " << i + 1 << " of " << sealed;
    }
    for (size_t i = sealed; i < kSegments; ++i) ASSERT_TRUE(tiers.seal(*segments[i]).ok());
    expect_same_answers(model, tiers, traffic, 4);
    ASSERT_TRUE(merge_all(tiers));
    expect_same_answers(model, tiers, traffic, 4);
  };
  EXPECT_GT(testing::for_every_power_cut(test), 60u);
}

}  // namespace
}  // namespace posthorn::store::segment

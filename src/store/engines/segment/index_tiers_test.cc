// The index over many segments against full scans: merged, reopened, cut by retention, damaged.
#include "store/engines/segment/index_tiers.h"

#include <gtest/gtest.h>

#include "store/engines/segment/file_names.h"
#include "store/testing/index_model.h"
#include "store/testing/memory_disk.h"

namespace posthorn::store::segment {
namespace {

class Tiers : public ::testing::Test {
 protected:
  Tiers() { reopen(); }
  void reopen() {
    tiers_.reset();
    tiers_ = IndexTiers::open(disk_, cache_, {"i", 4, 3}).value();
  }
  void seal(size_t records) {
    open_ = traffic_.segment(records, model_);
    ASSERT_TRUE(tiers_->seal(*open_).ok());
  }
  void merge_all() {
    while (tiers_->merge_step().value()) {
    }
  }
  void compare(int questions = 60) { expect_same_answers(model_, *tiers_, traffic_, questions); }
  size_t files(std::string_view suffix) {
    size_t count = 0;
    const auto names = disk_.list("i").value();
    for (const std::string& name : names) count += name.ends_with(suffix);
    return count;
  }
  std::string run_path(uint64_t first, uint64_t last) {
    return "i/" + range_name({first, last}, "run");
  }

  testing::MemoryDisk disk_;
  OpenFiles files_{disk_, 4};
  BlockCache cache_{files_, 1 << 20};
  std::unique_ptr<IndexTiers> tiers_;
  IndexModel model_;
  IndexTraffic traffic_{11, 12};
  std::unique_ptr<OpenIndex> open_;
};

TEST_F(Tiers, AnswerLikeFullScansWhileSegmentsAreSealedAndMerged) {
  for (int i = 1; i <= 40; ++i) {
    seal(1 + traffic_.rng().below(150));
    if (i % 3 == 0) merge_all();
    if (i % 7 == 0) reopen();
    compare();
    ASSERT_FALSE(HasFailure()) << "after segment " << i;
  }
  merge_all();
  compare(300);
  EXPECT_EQ(files(".idx"), 40u);
  // 1-3, 4-15 in fours (16-31 is wide), 32-39 in fours: by number modulo four and sixteen.
  EXPECT_LE(files(".run"), 5u);
}

TEST_F(Tiers, ForgetWhatRetentionRemoved) {
  for (int i = 1; i <= 20; ++i) seal(80);
  merge_all();
  size_t kept = 20;
  const std::vector<std::vector<SegmentNumber>> rounds{
      {{1}, {2}}, {{5}, {10}}, {{3}, {4}, {6}, {7}}, {{12}, {13}, {14}, {15}}, {{19}}};
  for (const std::vector<SegmentNumber>& gone : rounds) {
    ASSERT_TRUE(tiers_->remove(gone).ok());
    model_.remove(gone);
    compare(200);
    reopen();
    compare(200);
    EXPECT_EQ(files(".idx"), kept -= gone.size());
    EXPECT_EQ(tiers_->segments().size(), kept);
    ASSERT_FALSE(HasFailure()) << "with " << kept << " kept";
  }
  for (int i = 0; i < 20; ++i) seal(80);
  merge_all();
  compare(200);
}

TEST_F(Tiers, NameTheSegmentsWithAnEndpoint) {
  for (int i = 1; i <= 20; ++i) seal(60);
  merge_all();
  for (const EndpointId& endpoint : traffic_.endpoints()) {
    std::vector<SegmentNumber> expected;
    for (const auto& m : model_.messages) {
      if (!m.targets->contains(endpoint)) continue;
      if (expected.empty() || expected.back() != m.place.segment) {
        expected.push_back(m.place.segment);
      }
    }
    EntryQuery query{endpoint.bytes.tail(), {}, kEndOfLog, true, 1000};
    EXPECT_EQ(tiers_->segments_with_endpoint(query).value(), expected);
    query.ascending = false;
    std::reverse(expected.begin(), expected.end());
    EXPECT_EQ(tiers_->segments_with_endpoint(query).value(), expected);
  }
}

TEST_F(Tiers, ADamagedRunIsLeftOutAndMadeAgain) {
  for (int i = 1; i <= 9; ++i) seal(400);
  merge_all();
  const std::string path = run_path(4, 7);
  const std::string good = disk_.bytes(path);
  std::string bad = good;
  for (size_t at = 100; at + 2 * kBlockBytes < bad.size(); at += kBlockBytes) bad[at] ^= 1;
  disk_.set_bytes(path, bad);
  cache_.forget(CachedFile(path));
  compare(100);
  EXPECT_TRUE(tiers_->damaged().empty());
  merge_all();
  EXPECT_EQ(disk_.bytes(path), good);
  compare(100);
}

TEST_F(Tiers, ADamagedIndexIsNamedAndSealedAgain) {
  std::map<uint64_t, std::unique_ptr<OpenIndex>> kept;
  for (int i = 1; i <= 9; ++i) {
    seal(300);
    kept[open_->segment().value] = std::move(open_);
  }
  merge_all();
  const std::string path = "i/" + number_name(5, "idx");
  disk_.set_bytes(path, disk_.bytes(path).substr(kBlockBytes));
  cache_.forget(CachedFile(path));
  reopen();
  for (const auto& m : model_.messages) {
    if (m.place.segment.value != 5) continue;
    const auto found = tiers_->message(m.place.seq);
    ASSERT_FALSE(found.ok());
    EXPECT_EQ(found.error().code, Errc::kUnavailable);
    break;
  }
  ASSERT_EQ(tiers_->damaged(), std::vector<SegmentNumber>{{5}});
  ASSERT_TRUE(tiers_->seal(*kept[5]).ok());
  EXPECT_TRUE(tiers_->damaged().empty());
  compare(100);
  merge_all();
  compare(100);
}

TEST_F(Tiers, AMissingIndexIsMissingInTheListUntilItIsSealedAgain) {
  std::map<uint64_t, std::unique_ptr<OpenIndex>> kept;
  for (int i = 1; i <= 9; ++i) {
    seal(100);
    kept[open_->segment().value] = std::move(open_);
  }
  merge_all();
  ASSERT_TRUE(disk_.remove("i/" + number_name(6, "idx")).ok());
  cache_.forget(CachedFile("i/" + number_name(6, "idx")));
  reopen();
  const auto there = tiers_->segments();
  ASSERT_EQ(there.size(), 8u);
  EXPECT_FALSE(tiers_->segment_of(kept[6]->span().first).has_value());
  ASSERT_TRUE(tiers_->seal(*kept[6]).ok());
  compare(100);
  // The run that was made without it did not survive, and does not come back.
  reopen();
  compare(100);
  merge_all();
  compare(100);
}

TEST_F(Tiers, ASegmentWithoutRecordsIsRemembered) {
  OpenIndex empty(SegmentNumber{1});
  ASSERT_TRUE(tiers_->seal(empty).ok());
  reopen();
  ASSERT_EQ(tiers_->segments().size(), 1u);
  EXPECT_EQ(tiers_->segments()[0].segment.value, 1u);
  EXPECT_FALSE(tiers_->segment_of(Seq{0}).has_value());
  EXPECT_EQ(tiers_->first_at(WallTime{}).value(), kEndOfLog);
}

TEST_F(Tiers, RunsThatAMergeLeftBehindGoAtOpen) {
  for (int i = 1; i <= 17; ++i) seal(50);
  merge_all();
  ASSERT_TRUE(disk_.exists(run_path(0, 15)));
  // As if the process had ended between the wide run and the removal of the narrow ones.
  disk_.set_bytes(run_path(4, 7), disk_.bytes(run_path(0, 15)));
  disk_.set_bytes("i/left.run.tmp", "x");
  reopen();
  EXPECT_FALSE(disk_.exists(run_path(4, 7)));
  EXPECT_FALSE(disk_.exists("i/left.run.tmp"));
  compare(100);
}

}  // namespace
}  // namespace posthorn::store::segment

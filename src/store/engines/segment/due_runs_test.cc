// Due entries against std::map: added, settled, paged, flushed, merged, checkpointed and replayed.
#include "store/engines/segment/due_runs.h"

#include <gtest/gtest.h>

#include <map>

#include "base/rng.h"
#include "store/engines/segment/due_format.h"
#include "store/testing/memory_disk.h"

namespace posthorn::store::segment {
namespace {

using Key = decltype(key_of(DueEntry{}));
using Model = std::map<Key, DueEntry>;

constexpr int64_t kSecond = 1'000'000;
constexpr WallTime kNow{1'700'000'000 * kSecond};

Result<bool> all_live(const DueEntry&) { return true; }

class DueEntries : public ::testing::Test {
 protected:
  DueEntries() {
    options_.directory = "due";
    options_.memory_entries_max = 100;
    options_.runs_per_bucket_max = 3;
    options_.runs_max = 20;
    options_.step_entries_max = 50;
    reopen("");
  }
  void reopen(ByteView section) { runs_ = DueRuns::open(disk_, cache_, options_, section).value(); }
  DueEntry random_entry(WallTime now) {
    // Some soon, some in hours, many at the very same time.
    static constexpr int64_t kAhead[] = {5, 300, 1800, 7200, 86400};
    DueEntry entry;
    entry.due = now + microseconds(kAhead[rng_.below(5)] * kSecond);
    if (rng_.below(3) > 0) entry.due = entry.due + microseconds(rng_.below(kAhead[1] * kSecond));
    entry.seq = Seq{1 + rng_.below(1000)};
    rng_.fill(entry.endpoint.bytes.raw);
    rng_.fill(entry.app.bytes.raw);
    entry.attempts = static_cast<uint16_t>(rng_.below(20));
    if (rng_.below(10) == 0) entry.trigger = model::Trigger::kManual;
    return entry;
  }
  void add(const DueEntry& entry) {
    runs_->add(entry);
    model_[key_of(entry)] = entry;
  }
  const DueEntry& any() {
    return std::next(model_.begin(), static_cast<long>(rng_.below(model_.size())))->second;
  }
  void settle_one() {
    if (model_.empty()) return;
    const DueEntry entry = any();
    ASSERT_TRUE(runs_->settled(entry).ok());
    model_.erase(key_of(entry));
  }
  std::vector<DueEntry> expected(const DueQuery& query, const Model& model) {
    std::vector<DueEntry> entries;
    for (auto at = model.upper_bound(key_of(query.after)); at != model.end(); ++at) {
      if (at->second.due > query.until || entries.size() == query.limit) break;
      entries.push_back(at->second);
    }
    return entries;
  }
  void compare() {
    ASSERT_EQ(runs_->pending(), model_.size());
    for (int i = 0; i < 8; ++i) {
      DueQuery query;
      query.until = WallTime{INT64_MAX};
      if (!model_.empty() && rng_.below(2) == 0) query.after = any();
      if (!model_.empty() && rng_.below(2) == 0) query.until = any().due;
      query.limit = rng_.below(4) == 0 ? 100000 : rng_.below(60);
      ASSERT_EQ(runs_->page(query, all_live).value(), expected(query, model_));
    }
  }
  void flush() { ASSERT_TRUE(runs_->flush().ok()); }
  void maintain(WallTime now) { ASSERT_TRUE(runs_->maintain(now, all_live).ok()); }
  void maintain_all(WallTime now) {
    while (runs_->maintain(now, all_live).value()) {
    }
  }

  testing::MemoryDisk disk_;
  OpenFiles files_{disk_, 4};
  BlockCache cache_{files_, 1 << 20};
  Rng rng_{21};
  DueRunsOptions options_;
  Model model_;
  std::unique_ptr<DueRuns> runs_;
};

TEST_F(DueEntries, PageLikeAMapThroughFlushesAndMerges) {
  WallTime now = kNow;
  for (int round = 0; round < 120; ++round) {
    for (uint64_t i = rng_.below(120); i > 0; --i) add(random_entry(now));
    for (uint64_t i = rng_.below(100); i > 0; --i) settle_one();
    if (runs_->wants_flush()) flush();
    if (rng_.below(3) == 0) maintain(now);
    if (rng_.below(8) == 0) maintain_all(now);
    now = now + microseconds(rng_.below(200) * kSecond);
    compare();
    ASSERT_FALSE(HasFailure()) << "round " << round;
  }
  EXPECT_LE(runs_->files().size(), options_.runs_max + options_.runs_per_bucket_max);
  while (!model_.empty()) settle_one();
  maintain_all(now);
  compare();
  EXPECT_TRUE(runs_->files().empty());
}

TEST_F(DueEntries, AreWhereTheCheckpointWasAndAReplayBringsThemOn) {
  WallTime now = kNow;
  for (int round = 0; round < 20; ++round) {
    for (int i = 0; i < 150; ++i) add(random_entry(now));
    for (int i = 0; i < 60; ++i) settle_one();
    maintain_all(now);
    ASSERT_TRUE(runs_->flush().ok());
    const std::string section = runs_->section();
    for (const std::string& file : runs_->files()) ASSERT_TRUE(disk_.exists(file));
    // What happens after the checkpoint is told again after the restart.
    Model then = model_;
    std::vector<DueEntry> added;
    std::vector<DueEntry> settled;
    for (int i = 0; i < 40; ++i) {
      added.push_back(random_entry(now));
      add(added.back());
      settled.push_back(any());
      ASSERT_TRUE(runs_->settled(settled.back()).ok());
      model_.erase(key_of(settled.back()));
    }
    if (round % 2 == 0) flush();
    maintain_all(now);
    reopen(section);
    model_ = std::move(then);
    compare();
    for (size_t i = 0; i < added.size(); ++i) {
      add(added[i]);
      ASSERT_TRUE(runs_->settled(settled[i]).ok());
      model_.erase(key_of(settled[i]));
    }
    compare();
    ASSERT_FALSE(HasFailure()) << "round " << round;
  }
}

TEST_F(DueEntries, WithOneDueTimeArePagedInOrderAndOnce) {
  options_.memory_entries_max = 1000;
  options_.step_entries_max = 1000;
  reopen("");
  for (int i = 0; i < 20000; ++i) {
    DueEntry entry = random_entry(kNow);
    entry.due = kNow;
    add(entry);
    if (runs_->wants_flush()) flush();
    if (i % 500 == 0) maintain(kNow);
  }
  DueQuery query;
  query.until = kNow;
  query.limit = 333;
  auto next = model_.begin();
  while (true) {
    const auto page = runs_->page(query, all_live).value();
    for (const DueEntry& entry : page) ASSERT_EQ(entry, (next++)->second);
    if (page.size() < query.limit) break;
    query.after = page.back();
  }
  EXPECT_EQ(next, model_.end());
}

TEST_F(DueEntries, ThatAreGoneForOtherReasonsAreForgottenWhenAPageMeetsThem) {
  for (int i = 0; i < 500; ++i) add(random_entry(kNow));
  ASSERT_TRUE(runs_->flush().ok());
  for (int i = 0; i < 50; ++i) add(random_entry(kNow));
  const auto even = [](const DueEntry& entry) -> Result<bool> { return entry.seq.value % 2 == 0; };
  std::erase_if(model_, [](const auto& item) { return item.second.seq.value % 2 != 0; });
  DueQuery query;
  query.until = WallTime{INT64_MAX};
  query.limit = 10000;
  EXPECT_EQ(runs_->page(query, even).value(), expected(query, model_));
  compare();
}

TEST_F(DueEntries, AFailingQuestionFailsThePage) {
  add(random_entry(kNow));
  DueQuery query;
  query.until = WallTime{INT64_MAX};
  const auto broken = [](const DueEntry&) -> Result<bool> { return error(Errc::kIo, "broken"); };
  EXPECT_EQ(runs_->page(query, broken).error().code, Errc::kIo);
}

TEST_F(DueEntries, SettlingDuringARewritingHolds) {
  options_.step_entries_max = 20;
  reopen("");
  for (int run = 0; run < 3; ++run) {
    for (int i = 0; i < 90; ++i) {
      DueEntry entry = random_entry(kNow);
      entry.due = kNow + microseconds(rng_.below(30) * kSecond);  // of one bucket
      add(entry);
    }
    ASSERT_TRUE(runs_->flush().ok());
  }
  for (bool more = true; more;) {
    more = runs_->maintain(kNow, all_live).value();
    for (int i = 0; i < 5; ++i) settle_one();
    compare();
  }
  EXPECT_EQ(runs_->files().size(), 1u);
}

TEST_F(DueEntries, OfADamagedRunAreNotPassedOver) {
  for (int i = 0; i < 300; ++i) {
    DueEntry entry = random_entry(kNow);
    entry.due = kNow + microseconds(i);
    add(entry);
  }
  ASSERT_TRUE(runs_->flush().ok());
  const std::string path = runs_->files()[0];
  std::string bad = disk_.bytes(path);
  bad[10] = static_cast<char>(bad[10] ^ 4);  // in the first leaf
  disk_.set_bytes(path, bad);
  cache_.forget(CachedFile(path));
  DueEntry other = random_entry(kNow);
  runs_->add(other);
  DueQuery query;
  query.until = WallTime{INT64_MAX};
  EXPECT_EQ(runs_->page(query, all_live).error().code, Errc::kUnavailable);
  EXPECT_TRUE(runs_->damaged());
  reopen(runs_->section());
  EXPECT_TRUE(runs_->damaged());
  runs_->restart();
  EXPECT_FALSE(runs_->damaged());
  EXPECT_EQ(runs_->pending(), 0u);
}

TEST_F(DueEntries, ABadSectionIsRefused) {
  for (int i = 0; i < 90; ++i) add(random_entry(kNow));
  ASSERT_TRUE(runs_->flush().ok());
  for (int i = 0; i < 30; ++i) settle_one();
  const std::string good = runs_->section();
  for (size_t size = 1; size < good.size(); ++size) {
    EXPECT_FALSE(DueRuns::open(disk_, cache_, options_, good.substr(0, size)).ok()) << size;
  }
}

TEST(DueFormat, EntriesComeBackAndKeysOrderLikeEntries) {
  Rng rng(1);
  std::vector<DueEntry> entries;
  for (int i = 0; i < 500; ++i) {
    DueEntry entry;
    entry.due = WallTime{static_cast<int64_t>(rng.below(3))};
    entry.seq = Seq{rng.below(3) << rng.below(60)};
    rng.fill(entry.endpoint.bytes.raw);
    entry.attempts = static_cast<uint16_t>(rng.next());
    EXPECT_EQ(decode_due(encode_due(entry)), entry);
    entries.push_back(entry);
  }
  for (size_t i = 1; i < entries.size(); ++i) {
    EXPECT_EQ(key_of(entries[i - 1]) < key_of(entries[i]),
              due_key(entries[i - 1]) < due_key(entries[i]));
  }
}

TEST(DueFormat, BucketsHoldTheirEntriesAndGrowWithDistance) {
  Rng rng(2);
  int64_t last_width = 0;
  for (int64_t ahead = 0; ahead < 90 * 86400; ahead += 1 + static_cast<int64_t>(rng.below(3000))) {
    const WallTime due = kNow + microseconds(ahead * kSecond);
    const DueBucket bucket = due_bucket(due, kNow);
    ASSERT_TRUE(bucket.holds(due));
    ASSERT_GE(bucket.width_us, last_width);
    last_width = bucket.width_us;
  }
  EXPECT_EQ(due_bucket(kNow, kNow).width_us, 120 * kSecond);
  EXPECT_EQ(due_bucket(WallTime{1}, kNow).width_us, 86400 * kSecond);
}

}  // namespace
}  // namespace posthorn::store::segment

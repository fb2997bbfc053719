// Checkpoints of outcomes and due runs through power cuts at every change: recovery finds a
// checkpoint at least as new as the last one that was committed, and everything in it is as it was.
#include <gtest/gtest.h>

#include <map>

#include "base/rng.h"
#include "store/engines/segment/checkpoint_file.h"
#include "store/engines/segment/due_runs.h"
#include "store/engines/segment/outcomes.h"
#include "store/testing/power_cuts.h"

namespace posthorn::store::segment {
namespace {

constexpr uint64_t kSectionBytesMax = 1 << 20;
constexpr uint64_t kSegments = 3;

Result<bool> all_live(const DueEntry&) { return true; }

DueQuery everything() {
  DueQuery query;
  query.until = WallTime{INT64_MAX};
  query.limit = 100000;
  return query;
}

// What a store must be after a checkpoint.
struct Facts {
  std::map<std::pair<uint64_t, DeliveryOrdinal>, Standing> standings;
  std::vector<DueEntry> due;
};

// A small store of outcomes and due entries that changes at random and takes checkpoints.
class Store {
 public:
  Store(io::Disk& disk, uint64_t seed) : disk_(disk), rng_(seed) {
    std::vector<EndpointId> endpoints(4);
    for (EndpointId& endpoint : endpoints) rng_.fill(endpoint.bytes.raw);
    targets_ = std::make_unique<model::TargetSet>(std::move(endpoints));
    due_options_.runs_per_bucket_max = 2;
  }

  // From the newest checkpoint that there is; answers its generation.
  Result<uint64_t> open() {
    PH_ASSIGN(checkpoints_, CheckpointStore::open(disk_, {"/c", {"/o", "/d"}}));
    PH_ASSIGN(const auto newest, checkpoints_->newest());
    std::string outcomes;
    std::string due;
    if (newest) {
      PH_ASSIGN(outcomes, newest->read("outcomes", kSectionBytesMax));
      PH_ASSIGN(due, newest->read("due", kSectionBytesMax));
    }
    PH_ASSIGN(outcomes_, Outcomes::open(disk_, cache_, {"/o"}, outcomes));
    PH_ASSIGN(due_, DueRuns::open(disk_, cache_, due_options_, due));
    return newest ? newest->generation() : 0;
  }
  Status change(Facts& facts) {
    for (int i = 0; i < 20; ++i) {
      const SegmentNumber segment{1 + rng_.below(kSegments)};
      const DeliveryPlace place{segment, next_[segment.value]};
      PH_TRY(outcomes_->extend(place, *targets_));
      for (size_t t = 0; t < targets_->size(); ++t) {
        const Standing standing{
            model::DeliveryState::kDelivered, {}, static_cast<uint16_t>(rng_.below(9))};
        const DeliveryOrdinal delivery = next_[segment.value]++;
        PH_TRY(outcomes_->set({segment, delivery}, targets_->endpoints()[t], standing));
        facts.standings[{segment.value, delivery}] = standing;
      }
    }
    for (int i = 0; i < 30; ++i) {
      DueEntry entry;
      entry.due = WallTime{static_cast<int64_t>(1'700'000'000'000'000 + rng_.below(50'000'000))};
      entry.seq = Seq{rng_.below(1000)};
      due_->add(entry);
    }
    PH_ASSIGN(const auto page, due_->page(everything(), all_live));
    for (size_t i = 0; i < page.size() / 3; ++i) {
      PH_TRY(due_->settled(page[rng_.below(page.size())]));
    }
    return {};
  }
  Result<uint64_t> checkpoint(Facts& facts) {
    PH_TRY(outcomes_->flush());
    PH_TRY(due_->flush());
    PH_TRY(due_->maintain({}, all_live));
    PH_ASSIGN(auto writer, checkpoints_->begin());
    PH_TRY(writer->begin("outcomes"));
    PH_TRY(writer->append(outcomes_->section()));
    PH_TRY(writer->begin("due"));
    PH_TRY(writer->append(due_->section()));
    std::vector<std::string> files = outcomes_->files();
    for (std::string& file : due_->files()) files.push_back(std::move(file));
    PH_ASSIGN(facts.due, due_->page(everything(), all_live));
    return checkpoints_->commit(std::move(writer), std::move(files));
  }
  void expect(const Facts& facts) {
    for (const auto& [place, standing] : facts.standings) {
      ASSERT_EQ(outcomes_->get({{place.first}, place.second}).value(), standing);
    }
    ASSERT_EQ(due_->page(everything(), all_live).value(), facts.due);
    ASSERT_FALSE(due_->damaged());
  }

 private:
  io::Disk& disk_;
  Rng rng_;
  OpenFiles files_{disk_, 16};
  BlockCache cache_{files_, 1 << 20};
  std::unique_ptr<model::TargetSet> targets_;
  std::map<uint64_t, DeliveryOrdinal> next_;
  DueRunsOptions due_options_{.directory = "/d"};
  std::unique_ptr<CheckpointStore> checkpoints_;
  std::unique_ptr<Outcomes> outcomes_;
  std::unique_ptr<DueRuns> due_;
};

TEST(CheckpointPowerCuts, LeaveACheckpointThatIsWholeAndNewEnough) {
  std::map<uint64_t, Facts> by_generation;
  uint64_t committed = 0;
  testing::PowerCutTest test;
  test.prepare = [&](io::Disk& disk) {
    for (const char* folder : {"/c", "/o", "/d"}) ASSERT_TRUE(disk.make_directory(folder).ok());
    ASSERT_TRUE(disk.sync_directory("/").ok());
    by_generation.clear();
    committed = 0;
  };
  test.act = [&](io::Disk& disk) {
    Store store(disk, 5);
    if (!store.open().ok()) return;
    Facts facts;
    for (int i = 0; i < 4; ++i) {
      if (!store.change(facts).ok()) return;
      // Known before the commit, because its outcome may stay unknown.
      Facts& then = by_generation[committed + 1];
      then = facts;
      const auto generation = store.checkpoint(then);
      if (!generation.ok()) return;
      ASSERT_EQ(*generation, committed + 1);
      committed = *generation;
    }
  };
  test.check = [&](io::Disk& disk) {
    Store store(disk, 6);
    const auto generation = store.open();
    ASSERT_TRUE(generation.ok()) << generation.error().message;
    ASSERT_GE(*generation, committed);
    if (*generation > 0) store.expect(by_generation.at(*generation));
    // And the next one can be taken.
    Facts facts;
    ASSERT_TRUE(store.checkpoint(facts).ok());
  };
  EXPECT_GT(testing::for_every_power_cut(test), 100u);
}

}  // namespace
}  // namespace posthorn::store::segment

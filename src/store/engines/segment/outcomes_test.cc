// Outcomes against a map: through flushes, restarts and fallbacks; sidecars against damage; lists
// by state against full scans.
#include "store/engines/segment/outcomes.h"

#include <gtest/gtest.h>

#include <map>

#include "store/engines/segment/delivery_scan.h"
#include "store/engines/segment/outcome_sidecar.h"
#include "store/testing/index_model.h"
#include "store/testing/memory_disk.h"

namespace posthorn::store::segment {
namespace {

using model::DeadCause;
using model::DeliveryState;

TEST(OutcomeByte, EveryByteMeansOneStandingAndBack) {
  for (int byte = 0; byte < 256; ++byte) {
    const Standing standing = decode_standing(static_cast<uint8_t>(byte));
    EXPECT_EQ(encode_standing(standing), byte);
    EXPECT_LE(standing.attempts, attempts_max(standing.state, standing.cause));
    EXPECT_EQ(standing.cause != DeadCause::kNone, standing.state == DeliveryState::kDead);
  }
  EXPECT_EQ(decode_standing(0), Standing{});
  EXPECT_EQ(decode_standing(encode_standing({DeliveryState::kPending, {}, 9999})).attempts, 127);
}

struct Fact {
  EndpointId endpoint;
  Standing standing;
};
using Facts = std::map<std::pair<uint64_t, DeliveryOrdinal>, Fact>;

Standing random_standing(Rng& rng) {
  Standing standing;
  standing.state = static_cast<DeliveryState>(1 + rng.below(5));
  if (standing.state == DeliveryState::kDead) {
    standing.cause = static_cast<DeadCause>(1 + rng.below(6));
  }
  standing.attempts = static_cast<uint16_t>(rng.below(8));
  return standing;
}

class OutcomesOfSegments : public ::testing::Test {
 protected:
  OutcomesOfSegments() {
    for (int i = 0; i < 12; ++i) {
      IdBytes id;
      rng_.fill(id.raw);
      endpoints_.push_back(EndpointId{id});
    }
    reopen("");
  }
  void reopen(ByteView section) {
    outcomes_ = Outcomes::open(disk_, cache_, {"o", memory_}, section).value();
  }
  void extend(uint64_t segment) {
    std::vector<EndpointId> chosen;
    for (const EndpointId& endpoint : endpoints_) {
      if (rng_.below(3) == 0) chosen.push_back(endpoint);
    }
    const model::TargetSet targets(std::move(chosen));
    DeliveryOrdinal& next = next_[segment];
    ASSERT_TRUE(outcomes_->extend({{segment}, next}, targets).ok());
    for (const EndpointId& endpoint : targets.endpoints())
      facts_[{segment, next++}] = {endpoint, {}};
  }
  void change() {
    if (facts_.empty()) return;
    auto at = std::next(facts_.begin(), static_cast<long>(rng_.below(facts_.size())));
    const Standing standing = random_standing(rng_);
    const auto before =
        outcomes_->set({{at->first.first}, at->first.second}, at->second.endpoint, standing);
    ASSERT_EQ(before.value(), at->second.standing);
    at->second.standing = standing;
  }
  void compare(const Facts& facts) {
    std::map<std::pair<uint64_t, uint64_t>, StateCounts> counts;
    std::map<uint64_t, StateCounts> totals;
    for (const auto& [place, fact] : facts) {
      ASSERT_EQ(outcomes_->get({{place.first}, place.second}).value(), fact.standing);
      const auto state = static_cast<size_t>(fact.standing.state);
      ++counts[{place.first, fact.endpoint.bytes.tail()}][state];
      ++totals[place.first][state];
      ASSERT_TRUE(
          outcomes_->may_have({place.first}, fact.endpoint.bytes.tail(), fact.standing.state));
    }
    for (const auto& [segment, total] : totals) {
      ASSERT_EQ(outcomes_->totals({segment}), total);
      for (const EndpointId& endpoint : endpoints_) {
        const uint64_t tail = endpoint.bytes.tail();
        ASSERT_EQ(outcomes_->counts({segment}, tail).value(), (counts[{segment, tail}]));
      }
      compare_scan(facts, segment);
    }
  }
  void compare_scan(const Facts& facts, uint64_t segment) {
    Outcomes::StateScan scan;
    scan.segment = {segment};
    scan.state = static_cast<DeliveryState>(1 + rng_.below(5));
    scan.ascending = rng_.below(2) == 0;
    scan.from = static_cast<DeliveryOrdinal>(rng_.below(50));
    if (rng_.below(2) == 0) scan.to = scan.from + static_cast<DeliveryOrdinal>(rng_.below(500));
    scan.limit = 1 + rng_.below(40);
    std::vector<DeliveryOrdinal> expected;
    for (const auto& [place, fact] : facts) {
      const bool in = place.first == segment && place.second >= scan.from &&
                      place.second < scan.to && fact.standing.state == scan.state;
      if (in) expected.push_back(place.second);
    }
    if (!scan.ascending) std::reverse(expected.begin(), expected.end());
    if (expected.size() > scan.limit) expected.resize(scan.limit);
    ASSERT_EQ(outcomes_->in_state(scan).value(), expected);
  }

  size_t memory_ = 30000;  // a few of the sidecars here
  testing::MemoryDisk disk_;
  OpenFiles files_{disk_, 4};
  BlockCache cache_{files_, 1 << 20};
  Rng rng_{5};
  std::vector<EndpointId> endpoints_;
  std::map<uint64_t, DeliveryOrdinal> next_;
  Facts facts_;
  std::unique_ptr<Outcomes> outcomes_;
};

TEST_F(OutcomesOfSegments, AreWhatWasSetThroughFlushesAndRestarts) {
  for (int round = 0; round < 25; ++round) {
    for (int i = 0; i < 200; ++i) {
      if (rng_.below(3) == 0)
        extend(1 + rng_.below(1 + static_cast<uint64_t>(round)));
      else
        change();
    }
    compare(facts_);
    if (round % 2 == 1) {
      ASSERT_TRUE(outcomes_->flush().ok());
      compare(facts_);
      if (round % 4 == 1) reopen(outcomes_->section());
      compare(facts_);
    }
    ASSERT_FALSE(HasFailure()) << "round " << round;
  }
}

TEST_F(OutcomesOfSegments, AnOlderSectionStillFindsItsFiles) {
  for (int i = 0; i < 300; ++i) extend(1 + rng_.below(3));
  ASSERT_TRUE(outcomes_->flush().ok());
  const std::string older = outcomes_->section();
  const Facts then = facts_;
  for (int i = 0; i < 500; ++i) change();
  ASSERT_TRUE(outcomes_->flush().ok());
  ASSERT_NE(outcomes_->section(), older);
  reopen(older);
  compare(then);
}

TEST_F(OutcomesOfSegments, AReplayOfDeliveriesChangesNothing) {
  const model::TargetSet targets(endpoints_);
  ASSERT_TRUE(outcomes_->extend({{1}, 0}, targets).ok());
  const Standing dead{DeliveryState::kDead, DeadCause::kAborted, 2};
  ASSERT_TRUE(outcomes_->set({{1}, 3}, targets.endpoints()[3], dead).ok());
  ASSERT_TRUE(outcomes_->flush().ok());
  reopen(outcomes_->section());
  ASSERT_TRUE(outcomes_->extend({{1}, 0}, targets).ok());
  EXPECT_EQ(outcomes_->get({{1}, 3}).value(), dead);
  EXPECT_EQ(outcomes_->totals({1})[1], endpoints_.size() - 1);
  EXPECT_FALSE(outcomes_->extend({{1}, 999}, targets).ok());  // a gap is no replay
}

TEST_F(OutcomesOfSegments, UnknownDeliveriesAreNotFound) {
  EXPECT_EQ(outcomes_->get({{7}, 0}).error().code, Errc::kNotFound);
  EXPECT_EQ(outcomes_->set({{7}, 0}, endpoints_[0], {}).error().code, Errc::kNotFound);
  extend(1);
  EXPECT_EQ(outcomes_->get({{1}, 100}).error().code, Errc::kNotFound);
  ASSERT_TRUE(outcomes_->flush().ok());
  reopen(outcomes_->section());
  EXPECT_EQ(outcomes_->get({{1}, 100}).error().code, Errc::kNotFound);
}

TEST_F(OutcomesOfSegments, WantAFlushWhenChangesFillTheMemory) {
  EXPECT_FALSE(outcomes_->wants_flush());
  const model::TargetSet targets(endpoints_);
  for (DeliveryOrdinal i = 0; i < 2000; ++i) {
    ASSERT_TRUE(outcomes_->extend({{1}, i * 12}, targets).ok());
  }
  EXPECT_TRUE(outcomes_->wants_flush());
  ASSERT_TRUE(outcomes_->flush().ok());
  EXPECT_FALSE(outcomes_->wants_flush());
}

TEST_F(OutcomesOfSegments, FilesAreThoseOfTheSectionAndSegmentsCanBeDropped) {
  for (int i = 0; i < 60; ++i) extend(1 + rng_.below(3));
  ASSERT_TRUE(outcomes_->flush().ok());
  EXPECT_EQ(outcomes_->files().size(), 3u);
  for (const std::string& file : outcomes_->files()) EXPECT_TRUE(disk_.exists(file));
  outcomes_->restart({1});
  outcomes_->restart({2});
  EXPECT_EQ(outcomes_->files().size(), 1u);
  EXPECT_EQ(outcomes_->get({{1}, 0}).error().code, Errc::kNotFound);
  EXPECT_FALSE(outcomes_->may_have({1}, endpoints_[0].bytes.tail(), DeliveryState::kPending));
}

TEST_F(OutcomesOfSegments, AFlippedBitInAnyByteOfASidecarIsNoticed) {
  for (int i = 0; i < 300; ++i) extend(1);
  ASSERT_TRUE(outcomes_->flush().ok());
  const std::string path = outcomes_->files()[0];
  const std::string good = disk_.bytes(path);
  for (size_t at = 0; at < good.size(); ++at) {
    std::string bad = good;
    bad[at] = static_cast<char>(bad[at] ^ (1 << rng_.below(8)));
    disk_.set_bytes(path, std::move(bad));
    cache_.forget(CachedFile(path));
    const auto file = SortedFile::open(cache_, path);
    const bool read = file.ok() && Sidecar::load(**file).ok() && (*file)->verify().ok();
    ASSERT_FALSE(read) << "byte " << at;
  }
}

TEST_F(OutcomesOfSegments, ABadSectionIsRefused) {
  for (int i = 0; i < 60; ++i) extend(1 + rng_.below(3));
  ASSERT_TRUE(outcomes_->flush().ok());
  const std::string good = outcomes_->section();
  for (size_t size = 1; size < good.size(); ++size) {
    EXPECT_FALSE(Outcomes::open(disk_, cache_, {"o"}, good.substr(0, size)).ok()) << size;
  }
}

TEST(DeliveryScans, FindDeliveriesByStateLikeAFullScan) {
  testing::MemoryDisk disk;
  OpenFiles files(disk, 8);
  BlockCache cache(files, 1 << 20);
  auto tiers = IndexTiers::open(disk, cache, {"i", 4, 8}).value();
  auto outcomes = Outcomes::open(disk, cache, {"o"}, "").value();
  IndexModel model;
  IndexTraffic traffic(3, 6);
  Rng rng(4);
  std::map<std::pair<uint64_t, DeliveryOrdinal>, Standing> standings;
  for (int i = 0; i < 17; ++i) ASSERT_TRUE(tiers->seal(*traffic.segment(300, model)).ok());
  while (tiers->merge_step().value()) {
  }
  // Two that are full, one that is being written.
  io::Guarded<Live> live(Live(16));
  live.with([&](Live& state) {
    for (int i = 0; i < 3; ++i) {
      if (state.open.index) state.sealing.push_back(state.open);
      std::shared_ptr<OpenIndex> index = traffic.segment(300, model);
      state.open = {index, index->span().first};
    }
  });
  LogIndex log(*tiers, live);
  for (const auto& m : model.messages) {
    const SegmentNumber segment = m.place.segment;
    ASSERT_TRUE(outcomes->extend({segment, m.first_delivery}, *m.targets).ok());
    for (uint32_t i = 0; i < m.targets->size(); ++i) {
      Standing standing{DeliveryState::kDelivered, {}, 1};
      if (rng.below(40) == 0) standing = random_standing(rng);
      const DeliveryPlace place{segment, m.first_delivery + i};
      ASSERT_TRUE(outcomes->set(place, m.targets->endpoints()[i], standing).ok());
      standings[{segment.value, place.delivery}] = standing;
    }
  }
  ASSERT_TRUE(outcomes->flush().ok());
  DeliveryScan scan(log, *tiers, *outcomes);
  for (int i = 0; i < 400; ++i) {
    const EndpointId& endpoint = traffic.endpoints()[rng.below(traffic.endpoints().size())];
    const auto state = static_cast<DeliveryState>(1 + rng.below(5));
    EntryQuery query{endpoint.bytes.tail(), {}, kEndOfLog, rng.below(2) == 0, 1 + rng.below(30)};
    if (rng.below(2) == 0) query.from = Seq{rng.below(6000)};
    if (rng.below(2) == 0) query.to = Seq{query.from.value + rng.below(6000)};
    EntryQuery all = query;
    all.limit = ~size_t{0};
    std::vector<TargetEntry> expected;
    const auto targets = model.messages_to_endpoint(all).value();
    for (const TargetEntry& target : targets) {
      if (standings[{target.place.segment.value, target.delivery}].state == state &&
          expected.size() < query.limit) {
        expected.push_back(target);
      }
    }
    std::vector<TargetEntry> found;
    const auto deliveries = scan.page(query, endpoint, state).value();
    for (const auto& delivery : deliveries) {
      found.push_back(delivery.target);
      EXPECT_EQ(delivery.standing.state, state);
    }
    ASSERT_EQ(found, expected);
  }
}

}  // namespace
}  // namespace posthorn::store::segment

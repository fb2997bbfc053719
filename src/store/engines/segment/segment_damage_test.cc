// Segments are damaged, one place at a time: a record that is hit is reported or left out, it is
// never read changed, and it costs nothing beside itself. A torn or overwritten tail ends at the
// last whole group. A seeded sample; POSTHORN_FULL=1 flips a bit in every byte and cuts at every
// offset.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "store/engines/segment/file_names.h"
#include "store/engines/segment/segment_replay.h"
#include "store/testing/stored_sample.h"

namespace posthorn::store::segment {
namespace {

using testing::Place;
using testing::StoredSample;

constexpr const char* kFirst = "/segments/00000000000000000001.log";
// A full run is spread over processes by test.
constexpr uint32_t kShares = 4;

std::string on_disk(const std::string& path) { return testing::kSampleRoot + path; }

// A record of a segment; in maps by the offset where it ends.
struct Extent {
  uint64_t begin = 0;
  model::RecordType type = model::RecordType::kMessage;
  Seq seq;                 // 0: a target set
  uint64_t checked_end;    // up to seven zeros of padding follow, which no checksum covers
  uint64_t group_end;      // of its group
  uint64_t group_checked;  // checked_end of the last record of its group
};
using Extents = std::map<uint64_t, Extent>;

Extents extents_of(const StoredSample& sample, const std::string& path) {
  StoredSample::Machine machine(sample);
  const auto file = machine.world.disk().open(on_disk(path), io::OpenMode::kRead).value();
  const std::string& bytes = sample.files.at(path);
  ScanBounds bounds;
  bounds.generation = load_le<uint64_t>(bytes.data() + kSegmentHeaderBytes + 8);
  Extents extents;
  EXPECT_TRUE(scan_segment(*file, bounds, [&](uint32_t offset, const model::RecordView& record) {
                const uint64_t checked =
                    offset + model::kRecordPrefixBytes + record.body.size() + record.payload_bytes;
                extents[offset + record.size()] = {offset, record.type, record.seq, checked, 0, 0};
                return Status();
              }).ok());
  // Groups end where no record follows at once.
  uint64_t group_end = 0;
  uint64_t group_checked = 0;
  uint64_t next = 0;
  for (auto at = extents.rbegin(); at != extents.rend(); ++at) {
    if (at->first != next) {
      group_end = at->first;
      group_checked = at->second.checked_end;
    }
    at->second.group_end = group_end;
    at->second.group_checked = group_checked;
    next = at->second.begin;
  }
  return extents;
}

// The record that a byte belongs to; null: it is between the records.
const Extent* record_at(const Extents& extents, uint64_t offset) {
  const auto hit = extents.upper_bound(offset);
  return hit == extents.end() || hit->second.begin > offset ? nullptr : &hit->second;
}
// The seq that a flip there may cost; 0: none. A set is written twice, so it costs nothing.
Seq lost_at(const Extents& extents, uint64_t offset) {
  const Extent* hit = record_at(extents, offset);
  return hit == nullptr ? Seq{} : hit->seq;
}

// Segments that hold something, by path.
const std::map<std::string, Extents>& written(const StoredSample& sample) {
  static std::map<const StoredSample*, std::map<std::string, Extents>> known;
  auto& segments = known[&sample];
  if (!segments.empty()) return segments;
  for (const std::string& path : sample.paths_with(".log")) {
    if (sample.files.at(path)[0] != 0) segments[path] = extents_of(sample, path);
  }
  return segments;
}

std::vector<std::string> paths_of(const std::map<std::string, Extents>& segments) {
  std::vector<std::string> paths;
  for (const auto& [path, extents] : segments) paths.push_back(path);
  return paths;
}

struct Span {
  Seq first;
  Seq last;  // inclusive
};

// All but `lost` of the span reads as it was written; `lost` does too, or is an error.
void expect_unchanged(Store& store, const StoredSample& sample, Seq lost, Span span) {
  const MemoryModel& model = sample.twin.model();
  for (auto at = model.messages().lower_bound(span.first); at != model.messages().end(); ++at) {
    const auto& [seq, message] = *at;
    if (seq > span.last) break;
    const auto read = store.log().read(seq);
    if (!read.ok() && seq == lost) continue;
    ASSERT_TRUE(read.ok()) << "message " << seq.value << ": " << read.error().message;
    ASSERT_TRUE(same(**read, *message)) << "message " << seq.value << " changed";
  }
  for (auto at = model.attempts().lower_bound(span.first); at != model.attempts().end(); ++at) {
    const auto& [seq, attempt] = *at;
    if (seq > span.last) break;
    const auto read = store.history().attempt(attempt.app, attempt.id);
    if (!read.ok() && seq == lost) continue;
    ASSERT_TRUE(read.ok()) << "attempt " << seq.value << ": " << read.error().message;
    ASSERT_TRUE(same(*read, attempt)) << "attempt " << seq.value << " changed";
  }
}

class DamagedSegments : public ::testing::TestWithParam<uint32_t> {
 protected:
  testing::Sampling sampling(size_t count, bool always = false) const {
    return {.count = count, .share = GetParam(), .shares = kShares, .always = always};
  }
};

// The store runs while its disk goes bad.
TEST_P(DamagedSegments, AreReadWithoutTheRecordThatIsHit) {
  constexpr size_t kSample = 60;
  const StoredSample& sample = testing::store_of_whole_segments();
  const auto& segments = written(sample);
  StoredSample::Machine machine(sample);
  ASSERT_TRUE(machine.driver.open().ok());
  io::sim::Storage& disk = machine.world.storage();
  testing::for_places(sample, paths_of(segments), sampling(kSample), [&](const Place& place) {
    const Extents& extents = segments.at(place.path);
    Seq first = kEndOfLog;
    Seq last;
    for (const auto& [end, extent] : extents) {
      if (extent.seq != Seq{}) first = std::min(first, extent.seq);
      last = std::max(last, extent.seq);
    }
    ASSERT_TRUE(disk.flip_bits(on_disk(place.path), place.offset, place.mask).ok());
    expect_unchanged(machine.driver.store(), sample, lost_at(extents, place.offset), {first, last});
    ASSERT_TRUE(disk.flip_bits(on_disk(place.path), place.offset, place.mask).ok());
  });
  EXPECT_GT(machine.driver.log().health().damaged_segments, 0u);
}

// What a segment says when it is read through: its records, without payloads.
struct Said {
  std::map<Seq, model::Message> messages;
  std::map<Seq, model::Attempt> attempts;
  std::map<Seq, model::Command> commands;
};
Said replayed(io::Disk& disk, const StoredSample& sample, const std::string& path) {
  SegmentFiles files(disk, {testing::kSampleRoot + "/segments", sample.limits.segment_bytes});
  const SegmentNumber number{*parse_number_name(path.substr(path.rfind('/') + 1), "log")};
  Said said;
  ReplayVisitor visit;
  visit.message = [&](const model::Message& m) { said.messages.emplace(m.seq, m); };
  visit.attempt = [&](const model::Attempt& a) { said.attempts.emplace(a.seq, a); };
  visit.command = [&](const model::Command& c) { said.commands.emplace(c.seq, c); };
  const auto read = replay_segment(files, number, kEndOfLog, visit);
  EXPECT_TRUE(read.ok()) << (read.ok() ? "" : read.error().message);
  return said;
}

using store::same;
bool same(const model::Command& a, const model::Command& b) {
  return a.kind == b.kind && a.app == b.app && a.endpoint == b.endpoint && a.through == b.through &&
         a.message_seq == b.message_seq && a.attempt_seq == b.attempt_seq;
}

template <typename Record>
void expect_same(const std::map<Seq, Record>& got, const std::map<Seq, Record>& want, Seq lost) {
  for (const auto& [seq, record] : want) {
    const auto found = got.find(seq);
    if (found == got.end() && seq == lost) continue;
    ASSERT_TRUE(found != got.end()) << "record " << seq.value << " is lost";
    ASSERT_TRUE(same(found->second, record)) << "record " << seq.value << " changed";
  }
  ASSERT_LE(got.size(), want.size());
}

// Recovery, and whatever makes indexes and sidecars again, reads segments like this.
TEST_P(DamagedSegments, AreReplayedWithoutTheRecordThatIsHit) {
  constexpr size_t kSample = 400;
  const StoredSample& sample = testing::store_of_whole_segments();
  auto segments = written(sample);
  segments.erase(std::prev(segments.end()));  // its last group may be torn: see below
  ASSERT_GE(segments.size(), 2u);
  StoredSample::Machine machine(sample);
  std::map<std::string, Said> whole;
  for (const auto& [path, extents] : segments) {
    whole[path] = replayed(machine.world.disk(), sample, path);
    ASSERT_GT(whole[path].messages.size(), 100u);
  }
  io::sim::Storage& disk = machine.world.storage();
  testing::for_places(sample, paths_of(segments), sampling(kSample), [&](const Place& place) {
    ASSERT_TRUE(disk.flip_bits(on_disk(place.path), place.offset, place.mask).ok());
    const Said said = replayed(machine.world.disk(), sample, place.path);
    ASSERT_TRUE(disk.flip_bits(on_disk(place.path), place.offset, place.mask).ok());
    const Seq lost = lost_at(segments.at(place.path), place.offset);
    expect_same(said.messages, whole[place.path].messages, lost);
    expect_same(said.attempts, whole[place.path].attempts, lost);
    expect_same(said.commands, whole[place.path].commands, lost);
  });
}

// Found at the start, also in files that were prepared for what comes.
TEST_P(DamagedSegments, LoseNothingBesideTheRecordThatIsHitThroughRestarts) {
  const size_t count = testing::full_run() ? 2000 : 40;
  const StoredSample& sample = testing::store_of_whole_segments();
  const Seq last = sample.twin.model().last();
  testing::for_places(
      sample, sample.paths_with(".log"), sampling(count, true), [&](const Place& place) {
        const auto segment = written(sample).find(place.path);
        const bool holds = segment != written(sample).end();
        const Seq lost = holds ? lost_at(segment->second, place.offset) : Seq{};
        StoredSample::Machine machine(sample);
        ASSERT_TRUE(
            machine.world.storage().flip_bits(on_disk(place.path), place.offset, place.mask).ok());
        for (int restart = 0; restart < 2; ++restart) {
          ASSERT_TRUE(machine.driver.open().ok());
          ASSERT_GE(machine.driver.log().last_durable(), last);
          expect_unchanged(machine.driver.store(), sample, lost, {Seq{1}, last});
          ASSERT_TRUE(machine.driver.maintain().ok());
          ASSERT_NE(machine.driver.post(message_to(1, {1})), nullptr);
        }
      });
}

// The header of a segment says what its groups say too.
TEST(DamagedHeaders, OfSegmentsCostNothing) {
  constexpr uint64_t kHeaderUsedBytes = 52;
  const StoredSample& sample = testing::store_of_whole_segments();
  const Seq last = sample.twin.model().last();
  for (const auto& [path, extents] : written(sample)) {
    for (uint64_t at = 0; at < kHeaderUsedBytes; at += testing::full_run() ? 1 : 10) {
      StoredSample::Machine machine(sample);
      const auto mask = static_cast<uint8_t>(1u << at % 8);
      ASSERT_TRUE(machine.world.storage().flip_bits(on_disk(path), at, mask).ok());
      ASSERT_TRUE(machine.driver.open().ok());
      ASSERT_EQ(machine.driver.log().last_durable(), last);
      expect_unchanged(machine.driver.store(), sample, Seq{}, {Seq{1}, last});
      if (HasFailure()) FAIL() << path << ", byte " << at;
    }
  }
}

// Both records of a set: what it said is lost, and no message with it.
TEST(DamagedSets, CostTheTargetsOfTheirMessagesVisibly) {
  const StoredSample& sample = testing::killed_store();
  const std::string& bytes = sample.files.at(kFirst);
  std::map<std::string, std::vector<uint64_t>> sets;  // where their records begin
  for (const auto& [end, extent] : extents_of(sample, kFirst)) {
    if (extent.type != model::RecordType::kTargetSet) continue;
    sets[bytes.substr(extent.begin, end - extent.begin)].push_back(extent.begin);
  }
  ASSERT_GT(sets.size(), 4u);
  const auto& [set, places] =
      *std::max_element(sets.begin(), sets.end(), [](const auto& a, const auto& b) {
        return a.first.size() < b.first.size();  // the shortest names nobody
      });
  ASSERT_EQ(places.size(), 2u);
  StoredSample::Machine machine(sample);
  for (const uint64_t at : places) {
    ASSERT_TRUE(machine.world.storage().flip_bits(on_disk(kFirst), at + set.size() - 8, 1).ok());
  }
  ASSERT_TRUE(machine.driver.open().ok());
  EXPECT_EQ(machine.driver.log().health().damaged_segments, 1u);
  size_t without = 0;
  for (const auto& [seq, message] : sample.twin.model().messages()) {
    const auto read = machine.driver.log().read(seq);
    ASSERT_TRUE(read.ok()) << "message " << seq.value << ": " << read.error().message;
    EXPECT_EQ((*read)->payload, message->payload);
    if (*(*read)->targets == *message->targets) continue;
    EXPECT_EQ((*read)->targets->size(), 0u);
    ++without;
  }
  EXPECT_GT(without, 0u);
  ASSERT_TRUE(machine.driver.maintain().ok());
}

// Lists by state and the messages themselves agree: no delivery has another's outcome.
void expect_listed(StoreDriver& driver, const StoredSample& sample, Seq lost) {
  for (const auto& [seq, message] : sample.twin.model().messages()) {
    for (const EndpointId& endpoint : message->targets->endpoints()) {
      if (seq == lost) continue;
      const auto delivery = driver.history().delivery(seq, endpoint);
      ASSERT_TRUE(delivery.ok()) << seq.value << ": " << delivery.error().message;
      DeliveryQuery query;
      query.app = message->app;
      query.endpoint = endpoint;
      query.state = delivery->state;
      query.limit = 1000;
      const auto page = driver.history().list(query);
      ASSERT_TRUE(page.ok()) << page.error().message;
      ASSERT_TRUE(std::any_of(page->items.begin(), page->items.end(),
                              [&](const auto& item) { return item.message->seq == seq; }))
          << "delivery of " << seq.value;
    }
  }
}

// Indexes lost at the same time as a record: what is made again does without it.
TEST_P(DamagedSegments, AreIndexedAgainWithoutTheRecordThatIsHit) {
  const size_t count = testing::full_run() ? 400 : 8;
  const StoredSample& sample = testing::store_of_whole_segments();
  testing::for_places(
      sample, paths_of(written(sample)), sampling(count, true), [&](const Place& place) {
        const Seq lost = lost_at(written(sample).at(place.path), place.offset);
        StoredSample::Machine machine(sample);
        for (const auto& [path, bytes] : sample.files) {
          if (!path.starts_with("/index/")) continue;
          ASSERT_TRUE(machine.world.disk().remove(on_disk(path)).ok());
        }
        ASSERT_TRUE(
            machine.world.storage().flip_bits(on_disk(place.path), place.offset, place.mask).ok());
        ASSERT_TRUE(machine.driver.open().ok());
        ASSERT_TRUE(machine.driver.maintain().ok());
        expect_unchanged(machine.driver.store(), sample, lost,
                         {Seq{1}, sample.twin.model().last()});
        expect_listed(machine.driver, sample, lost);
      });
}

// The segment that recovery reads because no checkpoint has its end.
TEST_P(DamagedSegments, BehindTheCheckpointLoseNothingBesideTheRecordThatIsHit) {
  constexpr size_t kSample = 60;
  const StoredSample& sample = testing::killed_store();
  const MemoryModel& model = sample.twin.model();
  const Extents extents = extents_of(sample, kFirst);
  const uint64_t end = extents.rbegin()->first;
  Seq before_last_group;
  uint64_t last_group = 0;
  for (const auto& [record_end, extent] : extents) {
    if (extent.group_end == end) continue;
    before_last_group = std::max(before_last_group, extent.seq);
    last_group = extent.group_end;
  }
  testing::for_places(sample, {kFirst}, sampling(kSample), [&](const Place& place) {
    StoredSample::Machine machine(sample);
    ASSERT_TRUE(
        machine.world.storage().flip_bits(on_disk(place.path), place.offset, place.mask).ok());
    ASSERT_TRUE(machine.driver.open().ok());
    // Nothing behind the last group says that it was synced: damaged, it looks torn.
    const Seq last = machine.driver.log().last_durable();
    const bool cut = place.offset >= last_group && place.offset < end && last != model.last();
    ASSERT_EQ(last, cut ? before_last_group : model.last());
    const Extent* hit = record_at(extents, place.offset);
    const Seq lost = hit == nullptr ? Seq{} : hit->seq;
    expect_unchanged(machine.driver.store(), sample, lost, {Seq{1}, last});
    const bool outcomes_known =
        !cut && (hit == nullptr || hit->type == model::RecordType::kTargetSet);
    if (!outcomes_known) return;
    ASSERT_TRUE(machine.driver.maintain().ok());
    ASSERT_EQ(sample.twin.difference(machine.driver.store()), "");
  });
}
INSTANTIATE_TEST_SUITE_P(Share, DamagedSegments, ::testing::Range(0u, kShares));

// The tail of a store that was killed is cut, or overwritten, from an offset on.
void damage_tail(bool garbage, const testing::Sampling& sampling) {
  const StoredSample& sample = testing::killed_store();
  const Extents extents = extents_of(sample, kFirst);
  ASSERT_GT(extents.size(), 50u);
  const uint64_t end = extents.rbegin()->first;
  const std::string& whole = sample.files.at(kFirst);
  Rng rng(sampling.share + 1);
  testing::for_places(sample, {kFirst}, sampling, [&](const Place& place) {
    uint64_t offset = place.offset;
    if (offset < kSegmentHeaderBytes || offset > end) return;
    StoredSample::Machine machine(sample);
    // What was checkpointed is known to have been there; this is about what comes behind it.
    for (const auto& [path, bytes] : sample.files) {
      if (path.ends_with(".log")) continue;
      ASSERT_TRUE(machine.world.disk().remove(on_disk(path)).ok());
    }
    {
      const auto file = machine.world.disk().open(on_disk(kFirst), io::OpenMode::kReadWrite);
      std::string bytes(whole.size() - offset, '\0');
      rng.fill({reinterpret_cast<uint8_t*>(bytes.data()), bytes.size()});
      const Status damaged =
          garbage ? (*file)->write(offset, std::array{ByteView(bytes)}) : (*file)->truncate(offset);
      ASSERT_TRUE(damaged.ok());
      // Some of the garbage may be what was there.
      if (garbage)
        offset += std::mismatch(bytes.begin(), bytes.end(), &whole[offset]).first - bytes.begin();
    }
    Seq kept;
    for (const auto& [record_end, extent] : extents) {
      const uint64_t needed = garbage ? extent.group_checked : extent.group_end;
      if (needed <= offset) kept = std::max(kept, extent.seq);
    }
    StoreDriver& driver = machine.driver;
    ASSERT_TRUE(driver.open().ok());
    ASSERT_EQ(driver.log().last_durable(), kept) << "cut at " << offset;
    for (const auto& [seq, message] : sample.twin.model().messages()) {
      const auto read = driver.log().read(seq);
      ASSERT_EQ(read.ok(), seq <= kept) << seq.value << ", cut at " << offset;
      ASSERT_TRUE(!read.ok() || same(**read, *message) || (*read)->payload_expunged) << seq.value;
    }
    const MessageRef posted = driver.post(message_to(1, {1}));
    ASSERT_NE(posted, nullptr);
    driver.abandon();
    driver.settle();
    ASSERT_TRUE(driver.open().ok());
    ASSERT_EQ(driver.log().last_durable(), posted->seq) << "cut at " << offset;
  });
}

class DamagedTails : public ::testing::TestWithParam<uint32_t> {
 protected:
  static constexpr size_t kSample = 60;
  testing::Sampling sampling() const {
    return {.count = kSample, .share = GetParam(), .shares = kShares};
  }
};
TEST_P(DamagedTails, AreCutAtTheLastWholeGroup) { damage_tail(false, sampling()); }
TEST_P(DamagedTails, OfGarbageAreCutAtTheLastWholeGroup) { damage_tail(true, sampling()); }
INSTANTIATE_TEST_SUITE_P(Share, DamagedTails, ::testing::Range(0u, kShares));

}  // namespace
}  // namespace posthorn::store::segment

// Bytes of a closed store are damaged, one place at a time. Derived files: every answer is right or
// says that something is made again, and after maintenance all answers are those of the reference
// model. Segments: what lies outside of the damage is read unchanged, the rest never changed.
// A seeded sample; POSTHORN_FULL=1 flips a bit in every byte and cuts at every offset.
#include <gtest/gtest.h>

#include <cstdlib>
#include <map>
#include <set>

#include "store/conformance/random_load.h"
#include "store/conformance/store_driver.h"
#include "store/engines/segment/log_scan.h"
#include "store/testing/disk_files.h"

namespace posthorn::store::segment {
namespace {

constexpr uint64_t kSegmentBytes = 12u << 10;
constexpr const char* kRoot = "/data";
using testing::Files;

bool full_run() { return std::getenv("POSTHORN_FULL") != nullptr; }

void put(io::Disk& disk, const Files& files) {
  const Status done = testing::put_files(disk, kRoot, files);
  ASSERT_TRUE(done.ok()) << done.error().message;
}

StoreDriver& set_limits(StoreDriver& driver, uint64_t segment_bytes) {
  driver.options.limits.segment_bytes = segment_bytes;
  driver.options.limits.group_bytes_max = 7u << 10;
  return driver;
}

// A store as it lies on the disk, and what it must say.
struct Stored {
  Files files;
  ModelTwin twin;
};

void run_load(StoreDriver& driver, ModelTwin& twin, int batches) {
  RandomLoad load(7, {.payload_bytes_max = 1500});
  for (int i = 0; i < batches; ++i) {
    const AppendResult result = append_next(load, driver, twin);
    ASSERT_TRUE(result.ok()) << result.error().message;
    if (i % 40 == 0) {
      ASSERT_TRUE(driver.maintain().ok());
    }
  }
}

const Stored& closed_store() {
  static const auto stored = [] {
    auto made = std::make_unique<Stored>();
    io::sim::World world(1);
    StoreDriver driver(world, "segment");
    EXPECT_TRUE(set_limits(driver, kSegmentBytes).open().ok());
    run_load(driver, made->twin, 220);
    EXPECT_TRUE(driver.maintain().ok());
    EXPECT_EQ(made->twin.difference(driver.store()), "");
    EXPECT_TRUE(driver.close().ok());
    made->files = testing::files_of(world.disk(), kRoot);
    return made;
  }();
  return *stored;
}

// The process was killed: its last checkpoint lies behind.
const Stored& killed_store() {
  static const auto stored = [] {
    auto made = std::make_unique<Stored>();
    io::sim::World world(2);
    StoreDriver driver(world, "segment");
    EXPECT_TRUE(set_limits(driver, 256u << 10).open().ok());
    run_load(driver, made->twin, 60);
    made->files = testing::files_of(world.disk(), kRoot);
    return made;
  }();
  return *stored;
}

std::vector<std::string> paths_with(const Files& files, std::string_view suffix) {
  std::vector<std::string> paths;
  for (const auto& [path, bytes] : files) {
    if (path.ends_with(suffix)) paths.push_back(path);
  }
  return paths;
}

// Flips one bit in bytes of all files with the suffix, and calls `check(files, path, offset)`.
template <typename Check>
void flip_bits(std::string_view suffix, size_t sample, Check check) {
  const Files& whole = closed_store().files;
  const auto paths = paths_with(whole, suffix);
  ASSERT_FALSE(paths.empty()) << "no file with " << suffix;
  uint64_t bytes = 0;
  for (const std::string& path : paths) bytes += whole.at(path).size();
  const uint64_t step = full_run() ? 1 : std::max<uint64_t>(1, bytes / sample) | 1;
  Rng rng(step);
  uint64_t next = rng.below(step);
  uint64_t begin = 0;
  for (const std::string& path : paths) {
    const uint64_t size = whole.at(path).size();
    for (; next < begin + size; next += step) {
      Files files = whole;
      const uint64_t offset = next - begin;
      char& byte = files[path][offset];
      byte = static_cast<char>(byte ^ 1 << rng.below(8));
      check(files, path, offset);
      if (::testing::Test::HasFailure()) {
        ADD_FAILURE() << path << ", byte " << offset;
        return;
      }
    }
    begin += size;
  }
}

void expect_mended(const Files& files) {
  io::sim::World world(3);
  put(world.disk(), files);
  StoreDriver driver(world, "segment");
  const Status opened = set_limits(driver, kSegmentBytes).open();
  ASSERT_TRUE(opened.ok()) << opened.error().message;
  const ModelTwin& twin = closed_store().twin;
  // A question ends at the first damaged file that it meets, so several take several rounds.
  const auto wrong = [&] { return twin.difference(driver.store()); };
  std::string answer = wrong();
  for (size_t round = 0; !answer.empty() && round < files.size(); ++round) {
    ASSERT_NE(answer.find("made again"), std::string::npos) << answer;
    (void)driver.maintain();  // ends where it meets damage itself
    answer = wrong();
  }
  ASSERT_EQ(answer, "");
  const Status maintained = driver.maintain();
  ASSERT_TRUE(maintained.ok()) << maintained.error().message;
  ASSERT_TRUE(driver.open().ok());
  ASSERT_EQ(twin.difference(driver.store()), "") << "after a restart";
}

class DerivedFiles : public ::testing::TestWithParam<const char*> {};
TEST_P(DerivedFiles, AreMadeAgainFromTheLogWhenABitIsWrong) {
  constexpr size_t kSample = 5;
  flip_bits(GetParam(), kSample,
            [](const Files& files, const std::string&, uint64_t) { expect_mended(files); });
}
TEST_P(DerivedFiles, AreMadeAgainFromTheLogWhenAllOfThemAreCutOrMissing) {
  for (const bool missing : {false, true}) {
    Files files = closed_store().files;
    for (const std::string& path : paths_with(files, GetParam())) {
      // A store cannot know of a key file that is gone altogether.
      if (missing && path.ends_with(".keys")) return;
      if (missing)
        files.erase(path);
      else
        files[path].resize(files[path].size() / 2);
    }
    expect_mended(files);
  }
}
INSTANTIATE_TEST_SUITE_P(All, DerivedFiles,
                         ::testing::Values(".idx", ".run", ".outcomes", ".due", ".keys",
                                           ".checkpoint"));

// The records of a segment, by the offset where they end.
struct Extent {
  uint64_t begin = 0;
  Seq seq;             // 0: a target set
  uint64_t group_end;  // of its group
};
std::map<uint64_t, Extent> extents_of(const std::string& path, const std::string& bytes) {
  io::sim::World world(1);
  put(world.disk(), {{path, bytes}});
  const auto file = world.disk().open(std::string(kRoot) + path, io::OpenMode::kRead).value();
  ScanBounds bounds;
  bounds.generation = load_le<uint64_t>(bytes.data() + kSegmentHeaderBytes + 8);
  std::map<uint64_t, Extent> extents;
  EXPECT_TRUE(scan_segment(*file, bounds, [&](uint32_t offset, const model::RecordView& record) {
                extents[offset + record.size()] = {offset, record.seq, 0};
                return Status();
              }).ok());
  // Groups end where no record follows at once.
  uint64_t group_end = 0;
  uint64_t next = 0;
  for (auto at = extents.rbegin(); at != extents.rend(); ++at) {
    if (at->first != next) group_end = at->first;
    at->second.group_end = group_end;
    next = at->second.begin;
  }
  return extents;
}

// Everything but `lost` reads as it was written; `lost` is not there, or unchanged.
void expect_unchanged(Store& store, const std::set<Seq>& lost, Seq through) {
  const MemoryModel& model = closed_store().twin.model();
  for (const auto& [seq, message] : model.messages()) {
    if (seq > through) break;
    const auto read = store.log().read(seq);
    if (!read.ok() && lost.contains(seq)) continue;
    ASSERT_TRUE(read.ok()) << "message " << seq.value << ": " << read.error().message;
    ASSERT_TRUE(same(**read, *message)) << "message " << seq.value << " changed";
  }
  for (const auto& [seq, attempt] : model.attempts()) {
    if (seq > through) break;
    const auto read = store.history().attempt(attempt.app, attempt.id);
    if (!read.ok() && lost.contains(seq)) continue;
    ASSERT_TRUE(read.ok()) << "attempt " << seq.value << ": " << read.error().message;
    ASSERT_TRUE(same(*read, attempt)) << "attempt " << seq.value << " changed";
  }
}

TEST(DamagedSegments, LoseNothingBesideTheRecordThatWasHit) {
  constexpr size_t kSample = 40;
  flip_bits(".log", kSample, [](const Files& files, const std::string& path, uint64_t offset) {
    const std::string& whole = closed_store().files.at(path);
    std::set<Seq> lost;
    if (whole.size() > kSegmentHeaderBytes && whole[0] != 0) {
      const auto extents = extents_of(path, whole);
      const auto hit = extents.upper_bound(offset);
      if (hit != extents.end() && hit->second.begin <= offset) {
        if (hit->second.seq == Seq{}) return;  // messages that name the set are hit too
        lost.insert(hit->second.seq);
      }
    }
    io::sim::World world(4);
    put(world.disk(), files);
    StoreDriver driver(world, "segment");
    ASSERT_TRUE(set_limits(driver, kSegmentBytes).open().ok());
    const Seq last = closed_store().twin.model().last();
    for (int restart = 0; restart < 2; ++restart) {
      ASSERT_GE(driver.log().last_durable(), last);
      expect_unchanged(driver.store(), lost, last);
      ASSERT_TRUE(driver.maintain().ok());
      ASSERT_NE(driver.post(message_to(1, {1})), nullptr);
      ASSERT_TRUE(driver.open().ok());
    }
  });
}

// Indexes lost at the same time as a record: what is made again does without it.
TEST(DamagedSegments, AreIndexedAgainWithoutTheRecordThatWasHit) {
  constexpr size_t kSample = 12;
  flip_bits(".log", kSample, [](const Files& damaged, const std::string& path, uint64_t offset) {
    const std::string& whole = closed_store().files.at(path);
    if (whole[0] == 0) return;
    const auto extents = extents_of(path, whole);
    const auto hit = extents.upper_bound(offset);
    const bool record = hit != extents.end() && hit->second.begin <= offset;
    if (!record || hit->second.seq == Seq{}) return;
    Files files = damaged;
    std::erase_if(files, [](const auto& file) {
      return file.first.ends_with(".idx") || file.first.ends_with(".run");
    });
    io::sim::World world(5);
    put(world.disk(), files);
    StoreDriver driver(world, "segment");
    ASSERT_TRUE(set_limits(driver, kSegmentBytes).open().ok());
    ASSERT_TRUE(driver.maintain().ok());
    expect_unchanged(driver.store(), {hit->second.seq}, closed_store().twin.model().last());
    // Lists by state and the messages themselves agree: no delivery has another's outcome.
    for (const auto& [seq, message] : closed_store().twin.model().messages()) {
      for (const EndpointId& endpoint : message->targets->endpoints()) {
        if (seq == hit->second.seq) continue;
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
  });
}

// The tail of a store that was killed is cut, or overwritten, from an offset on.
void damage_tail(bool garbage) {
  const Stored& stored = killed_store();
  const std::string path = "/segments/00000000000000000001.log";
  const std::string& whole = stored.files.at(path);
  const auto extents = extents_of(path, whole);
  ASSERT_GT(extents.size(), 50u);
  const uint64_t end = extents.rbegin()->first;
  const uint64_t step = full_run() ? 1 : 1 + (end - kSegmentHeaderBytes) / 24;
  Rng rng(step);
  for (uint64_t offset = kSegmentHeaderBytes + rng.below(step); offset <= end; offset += step) {
    Files files = stored.files;
    std::string& bytes = files[path];
    if (garbage)
      rng.fill({reinterpret_cast<uint8_t*>(bytes.data()) + offset, bytes.size() - offset});
    else
      bytes.resize(offset);
    // What was checkpointed is known to have been there; this is about what comes behind it.
    std::erase_if(files, [](const auto& file) { return !file.first.ends_with(".log"); });
    Seq kept;
    for (const auto& [record_end, extent] : extents) {
      if (extent.group_end <= offset) kept = std::max(kept, extent.seq);
    }
    io::sim::World world(6);
    put(world.disk(), files);
    StoreDriver driver(world, "segment");
    ASSERT_TRUE(set_limits(driver, 256u << 10).open().ok());
    ASSERT_EQ(driver.log().last_durable(), kept) << "cut at " << offset;
    for (const auto& [seq, message] : stored.twin.model().messages()) {
      const auto read = driver.log().read(seq);
      ASSERT_EQ(read.ok(), seq <= kept) << seq.value << ", cut at " << offset;
      ASSERT_TRUE(!read.ok() || same(**read, *message) || (*read)->payload_expunged) << seq.value;
    }
    const MessageRef posted = driver.post(message_to(1, {1}));
    ASSERT_NE(posted, nullptr);
    driver.abandon();
    ASSERT_TRUE(driver.open().ok());
    ASSERT_EQ(driver.log().last_durable(), posted->seq) << "cut at " << offset;
  }
}
TEST(DamagedTails, AreCutAtTheLastWholeGroup) { damage_tail(false); }
TEST(DamagedTails, OfGarbageAreCutAtTheLastWholeGroup) { damage_tail(true); }

}  // namespace
}  // namespace posthorn::store::segment

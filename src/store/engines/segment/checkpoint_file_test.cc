// Checkpoints: what was written is read back, damage anywhere falls back to the one before, and
// files live as long as a kept checkpoint names them.
#include "store/engines/segment/checkpoint_file.h"

#include <gtest/gtest.h>

#include "base/rng.h"
#include "store/engines/segment/checkpoint_format.h"
#include "store/engines/segment/file_names.h"
#include "store/testing/memory_disk.h"

namespace posthorn::store::segment {
namespace {

constexpr uint64_t kLimit = 1 << 20;

class Checkpoints : public ::testing::Test {
 protected:
  std::unique_ptr<CheckpointStore> open() {
    return CheckpointStore::open(disk_, {"c", {"owned"}}).value();
  }
  void touch(const std::string& path) { disk_.set_bytes(path, "x"); }
  uint64_t write(CheckpointStore& store, const std::string& lanes,
                 std::vector<std::string> files = {}) {
    auto writer = store.begin().value();
    EXPECT_TRUE(writer->begin("lanes").ok());
    for (size_t at = 0; at < lanes.size(); at += 1000) {
      EXPECT_TRUE(writer->append(ByteView(lanes).substr(at, 1000)).ok());
    }
    EXPECT_TRUE(writer->begin("empty").ok());
    EXPECT_TRUE(writer->begin("place").ok());
    EXPECT_TRUE(writer->append("here").ok());
    return store.commit(std::move(writer), std::move(files)).value();
  }
  std::string path(uint64_t generation) { return "c/" + number_name(generation, "checkpoint"); }

  testing::MemoryDisk disk_;
};

TEST_F(Checkpoints, ReadBackWhatWasWritten) {
  for (const size_t size : {0, 1, 4087, 4088, 4089, 65408, 200000}) {
    auto store = open();
    const std::string lanes(size, 'l');
    touch("owned/a");
    const uint64_t generation = write(*store, lanes, {"owned/a"});
    const auto read = open()->newest().value();
    ASSERT_NE(read, nullptr);
    EXPECT_EQ(read->generation(), generation);
    EXPECT_EQ(read->read("lanes", kLimit).value(), lanes);
    EXPECT_EQ(read->read("empty", kLimit).value(), "");
    EXPECT_EQ(read->read("place", kLimit).value(), "here");
    EXPECT_EQ(read->files(), std::vector<std::string>{"owned/a"});
    EXPECT_FALSE(read->has("other"));
    EXPECT_EQ(read->read("other", kLimit).error().code, Errc::kNotFound);
    EXPECT_EQ(read->read("place", 3).error().code, Errc::kTooLarge);
  }
}

TEST_F(Checkpoints, NoneIsNoError) { EXPECT_EQ(open()->newest().value(), nullptr); }

TEST_F(Checkpoints, AFlippedBitInAnyByteFallsBack) {
  auto store = open();
  write(*store, std::string(9000, 'a'));
  const uint64_t second = write(*store, std::string(9000, 'b'));
  const std::string good = disk_.bytes(path(second));
  Rng rng(1);
  for (size_t at = 0; at < good.size(); ++at) {
    std::string bad = good;
    bad[at] = static_cast<char>(bad[at] ^ (1 << rng.below(8)));
    disk_.set_bytes(path(second), std::move(bad));
    const auto loaded = load_checkpoint(disk_, path(second));
    ASSERT_FALSE(loaded.ok()) << "byte " << at;
    ASSERT_EQ(loaded.error().code, Errc::kCorrupt);
  }
  for (size_t size = 0; size < good.size(); size += 101) {
    disk_.set_bytes(path(second), good.substr(0, size));
    ASSERT_FALSE(load_checkpoint(disk_, path(second)).ok()) << "cut to " << size;
  }
  const auto read = open()->newest().value();
  ASSERT_NE(read, nullptr);
  EXPECT_EQ(read->generation(), second - 1);
  EXPECT_EQ(read->read("lanes", kLimit).value(), std::string(9000, 'a'));
}

TEST_F(Checkpoints, HoldInADirectoryThatWasMoved) {
  touch("owned/a");
  const uint64_t generation = write(*open(), "lanes", {"owned/a"});
  touch("elsewhere/owned/a");
  touch("elsewhere/owned/b");
  const auto moved = CheckpointStore::open(disk_, {"c", {"elsewhere/owned"}}).value();
  const auto newest = moved->newest().value();
  ASSERT_NE(newest, nullptr);
  EXPECT_EQ(newest->generation(), generation);
  write(*moved, "later", {"elsewhere/owned/b"});
  EXPECT_TRUE(disk_.exists("elsewhere/owned/a")) << "the checkpoint before needs it";
}

TEST_F(Checkpoints, AMissingFileFallsBack) {
  auto store = open();
  touch("owned/a");
  write(*store, "1", {"owned/a"});
  touch("owned/b");
  const uint64_t second = write(*store, "2", {"owned/a", "owned/b"});
  ASSERT_TRUE(disk_.remove("owned/b").ok());
  EXPECT_EQ(open()->newest().value()->generation(), second - 1);
}

TEST_F(Checkpoints, KeepTwoAndTheFilesThatTheyName) {
  auto store = open();
  touch("owned/a");
  touch("owned/b");
  const uint64_t first = write(*store, "1", {"owned/a", "owned/b"});
  touch("owned/c");
  write(*store, "2", {"owned/b", "owned/c"});
  EXPECT_TRUE(disk_.exists("owned/a"));
  touch("owned/stray");
  write(*store, "3", {"owned/c"});
  EXPECT_FALSE(disk_.exists("owned/a"));
  EXPECT_FALSE(disk_.exists("owned/stray"));
  EXPECT_TRUE(disk_.exists("owned/b"));
  EXPECT_FALSE(disk_.exists(path(first)));
  EXPECT_EQ(disk_.list("c").value().size(), 2u);
}

TEST_F(Checkpoints, AFileMadeAfterBeginIsLeftAlone) {
  auto store = open();
  auto writer = store->begin().value();
  touch("owned/new");
  ASSERT_TRUE(store->commit(std::move(writer), {}).ok());
  EXPECT_TRUE(disk_.exists("owned/new"));
  write(*store, "next");
  EXPECT_FALSE(disk_.exists("owned/new"));
}

TEST_F(Checkpoints, RecoveryMayAskForTheOneBefore) {
  auto store = open();
  write(*store, "1");
  const uint64_t second = write(*store, "2");
  auto again = open();
  ASSERT_EQ(again->newest().value()->generation(), second);
  again->fall_back(second);
  EXPECT_EQ(again->newest().value()->read("lanes", kLimit).value(), "1");
  // The next one replaces the one that could not be used, not the one that could.
  const uint64_t third = write(*again, "3");
  EXPECT_FALSE(disk_.exists(path(second)));
  EXPECT_TRUE(disk_.exists(path(second - 1)));
  EXPECT_EQ(again->newest().value()->generation(), third);
}

TEST_F(Checkpoints, AnAbandonedWriterLeavesNothing) {
  auto store = open();
  { auto writer = store->begin().value(); }
  EXPECT_TRUE(disk_.list("c").value().empty());
}

TEST(FileNames, ParseOnlyWhatTheyPrint) {
  EXPECT_EQ(parse_number_name(number_name(7, "idx"), "idx"), 7u);
  EXPECT_EQ(parse_range_name(range_name({3, ~0ull}, "run"), "run"), (NumberRange{3, ~0ull}));
  for (const char* bad : {"", "7.idx", "00000000000000000007.run", "0000000000000000000x.idx",
                          "99999999999999999999.idx", "00000000000000000007.idx.tmp"}) {
    EXPECT_FALSE(parse_number_name(bad, "idx").has_value()) << bad;
  }
  EXPECT_FALSE(parse_range_name(range_name({5, 4}, "run"), "run").has_value());
}

}  // namespace
}  // namespace posthorn::store::segment

// The simulated disk: what a power cut leaves, and the faults that tests ask for.
#include "io/sim/storage.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "io/sim/world.h"

namespace posthorn::io::sim {
namespace {

class StorageTest : public testing::Test {
 protected:
  Disk& disk() { return world_.disk(); }
  Storage& storage() { return world_.storage(); }

  std::unique_ptr<File> open(const std::string& path) {
    auto opened = disk().open(path, OpenMode::kCreateOrOpen);
    EXPECT_TRUE(opened.ok()) << opened.error().message;
    return std::move(opened).value();
  }
  // A file that would survive as it is.
  std::unique_ptr<File> make_durable(const std::string& path, ByteView bytes) {
    auto made = open(path);
    EXPECT_TRUE(write(*made, 0, bytes) && made->sync().ok());
    EXPECT_TRUE(disk().sync_directory("/").ok());
    return made;
  }
  static bool write(File& to, uint64_t offset, ByteView bytes) {
    return to.write(offset, std::array{bytes}).ok();
  }
  std::string content(const std::string& path) {
    auto read = disk().read_file(path, 1 << 20);
    return read.ok() ? std::move(read).value() : std::string(errc_name(read.error().code));
  }

  World world_{11};
};

const std::string kOld(4 * FileImage::kSectorBytes, 'o');
const std::string kNew(4 * FileImage::kSectorBytes, 'n');

TEST_F(StorageTest, DroppedBytesAreThoseNotSynced) {
  const auto log = make_durable("/log", kOld);
  ASSERT_TRUE(write(*log, 0, kNew));
  ASSERT_TRUE(write(*log, kNew.size(), "more"));
  EXPECT_EQ(content("/log"), kNew + "more");
  storage().reboot(PowerCut::kDrop);
  EXPECT_EQ(content("/log"), kOld);
}

TEST_F(StorageTest, SyncedBytesSurviveAnyPowerCut) {
  for (const PowerCut how : {PowerCut::kDrop, PowerCut::kKeep, PowerCut::kTear}) {
    const auto log = make_durable("/log", kOld);
    ASSERT_TRUE(write(*log, 0, kNew) && log->sync().ok());
    storage().reboot(how);
    EXPECT_EQ(content("/log"), kNew);
  }
}

TEST_F(StorageTest, ATornWriteKeepsSomeSectorsWhole) {
  std::set<std::string> seen;
  for (int round = 0; round < 100; ++round) {
    auto log = make_durable("/log", kOld);
    ASSERT_TRUE(write(*log, 0, kNew));
    storage().reboot(PowerCut::kTear);
    std::string shape;
    const std::string left = content("/log");
    ASSERT_EQ(left.size(), kOld.size());
    for (size_t at = 0; at < left.size(); at += FileImage::kSectorBytes) {
      const std::string sector = left.substr(at, FileImage::kSectorBytes);
      ASSERT_EQ(sector, std::string(FileImage::kSectorBytes, sector[0]));
      shape += sector[0];
    }
    seen.insert(shape);
  }
  EXPECT_EQ(seen.size(), 16u);  // every subset of the four sectors
}

TEST_F(StorageTest, TornSectorsMayBeAnyStateSinceTheLastSync) {
  std::set<std::string> seen;
  for (int round = 0; round < 100; ++round) {
    auto log = make_durable("/log", "old");
    ASSERT_TRUE(write(*log, 0, "one") && write(*log, 0, "two"));
    storage().reboot(PowerCut::kTear);
    seen.insert(content("/log"));
  }
  EXPECT_THAT(seen, testing::ElementsAre("old", "one", "two"));
}

TEST_F(StorageTest, NamesNeedASyncOfTheirFolder) {
  make_durable("/a", "first");
  ASSERT_TRUE(open("/b")->sync().ok());
  ASSERT_TRUE(disk().rename("/a", "/c").ok());
  storage().reboot(PowerCut::kDrop);
  EXPECT_EQ(content("/a"), "first");
  EXPECT_FALSE(disk().exists("/b") || disk().exists("/c"));
}

TEST_F(StorageTest, ATornRenameIsDoneOrNot) {
  std::set<std::string> seen;
  for (int round = 0; round < 50; ++round) {
    make_durable("/state", "old");
    make_durable("/state.tmp", "new");
    ASSERT_TRUE(disk().rename("/state.tmp", "/state").ok());
    storage().reboot(PowerCut::kTear);
    seen.insert(content("/state") + (disk().exists("/state.tmp") ? " before" : " after"));
  }
  EXPECT_THAT(seen, testing::ElementsAre("new after", "old before"));
}

TEST_F(StorageTest, AFolderThatWasNotSyncedTakesItsFilesAlong) {
  ASSERT_TRUE(disk().make_directory("/data").ok());
  const auto log = open("/data/log");
  ASSERT_TRUE(log->sync().ok() && disk().sync_directory("/data").ok());
  storage().reboot(PowerCut::kDrop);
  EXPECT_FALSE(disk().exists("/data"));
  EXPECT_FALSE(disk().exists("/data/log"));
}

TEST_F(StorageTest, ReplacedFilesAreOldOrNewAfterEveryCut) {
  for (uint64_t cut = 0; cut < 8; ++cut) {
    for (const PowerCut how : {PowerCut::kDrop, PowerCut::kKeep, PowerCut::kTear}) {
      ASSERT_TRUE(disk().replace_file("/state", "old").ok());
      storage().cut_power_after(cut);
      const bool done = disk().replace_file("/state", "new!").ok();
      storage().reboot(how);
      const std::string left = content("/state");
      EXPECT_TRUE(left == "new!" || (!done && left == "old")) << cut << " left " << left;
    }
  }
}

TEST_F(StorageTest, NothingWorksWhileThePowerIsOff) {
  const auto log = make_durable("/log", "x");
  storage().cut_power_after(1);
  EXPECT_TRUE(write(*log, 0, "y"));
  EXPECT_FALSE(storage().powered());
  EXPECT_FALSE(write(*log, 0, "z"));
  EXPECT_FALSE(log->sync().ok());
  EXPECT_FALSE(log->size().ok());
  EXPECT_FALSE(disk().open("/log", OpenMode::kRead).ok());
  EXPECT_FALSE(disk().exists("/log"));
  storage().reboot(PowerCut::kKeep);
  EXPECT_EQ(content("/log"), "y");
  EXPECT_FALSE(write(*log, 0, "z")) << "a file that was open before the cut";
}

TEST_F(StorageTest, AFailedSyncLosesItsBytesThoughTheNextOneSucceeds) {
  const auto log = make_durable("/log", "old");
  ASSERT_TRUE(write(*log, 0, "new"));
  storage().inject({.call = DiskCall::kSync});
  EXPECT_EQ(log->sync().error().code, Errc::kIo);
  EXPECT_EQ(content("/log"), "new");
  EXPECT_TRUE(log->sync().ok());
  storage().reboot(PowerCut::kKeep);
  EXPECT_EQ(content("/log"), "old");
}

TEST_F(StorageTest, TheNthWriteOfAFileFails) {
  const auto log = open("/log"), other = open("/other");
  storage().inject(
      {.call = DiskCall::kWrite, .nth = 2, .code = Errc::kNoSpace, .path_contains = "log"});
  EXPECT_TRUE(write(*other, 0, "x") && write(*other, 0, "x"));
  EXPECT_TRUE(write(*log, 0, "x"));
  EXPECT_EQ(log->write(0, std::array<ByteView, 1>{"x"}).error().code, Errc::kNoSpace);
  EXPECT_TRUE(write(*log, 0, "x"));
}

TEST_F(StorageTest, AQuotaFillsUpAndReservedSpaceDoesNot) {
  storage().set_quota(10 * FileImage::kPageBytes);
  const auto reserved = open("/reserved");
  ASSERT_TRUE(reserved->allocate(4 * FileImage::kPageBytes).ok());
  const auto log = open("/log");
  const std::string page(FileImage::kPageBytes, 'x');
  for (uint64_t i = 0; i < 6; ++i) EXPECT_TRUE(write(*log, i * page.size(), page));
  EXPECT_EQ(disk().space("/")->free_bytes, 0u);
  EXPECT_EQ(log->write(6 * page.size(), std::array{ByteView(page)}).error().code, Errc::kNoSpace);
  EXPECT_EQ(open("/more")->allocate(1).error().code, Errc::kNoSpace);
  for (uint64_t i = 0; i < 4; ++i) EXPECT_TRUE(write(*reserved, i * page.size(), page));
  ASSERT_TRUE(log->punch(0, page.size()).ok());
  EXPECT_TRUE(write(*log, 6 * page.size(), page));
  ASSERT_TRUE(disk().remove("/log").ok());
  EXPECT_EQ(disk().space("/")->free_bytes, 6 * FileImage::kPageBytes);
}

TEST_F(StorageTest, ALockOfAnotherProcessConflictsAndARebootFreesIt) {
  ASSERT_TRUE(storage().hold_lock_elsewhere("/lock").ok());
  const auto refused = disk().lock("/lock");
  ASSERT_FALSE(refused.ok());
  EXPECT_THAT(refused.error().message, testing::HasSubstr("process 4711"));
  storage().reboot(PowerCut::kDrop);
  EXPECT_TRUE(disk().lock("/lock").ok());
}

TEST_F(StorageTest, FlippedBitsAreReadBack) {
  make_durable("/log", "abc");
  ASSERT_TRUE(storage().flip_bits("/log", 1, 0x01).ok());
  EXPECT_EQ(content("/log"), "acc");
}

// An image beside plain strings that should hold the same.
struct ImageAndModel {
  FileImage image;
  std::string model, durable;

  void change(Rng& rng) {
    const uint64_t offset = rng.below(20'000), length = 1 + rng.below(6'000);
    switch (rng.below(7)) {
      case 0:
        image.truncate(offset);
        return model.resize(offset);
      case 1:
        image.allocate(offset);
        return model.resize(std::max<size_t>(offset, model.size()));
      case 2:
        image.punch(offset, length);
        if (offset >= model.size()) return;
        return (void)model.replace(offset, std::min<size_t>(length, model.size() - offset),
                                   std::min<size_t>(length, model.size() - offset), '\0');
      case 3:
        image.sync();
        return (void)(durable = model);
      case 4:
        if (rng.below(4) != 0) return;
        image.cut_power(PowerCut::kDrop, rng);
        return (void)(model = durable);
      default:
        write(offset, std::string(length, static_cast<char>('a' + rng.below(26))));
    }
  }
  void write(uint64_t offset, const std::string& bytes) {
    image.write(offset, bytes);
    model.resize(std::max(model.size(), offset + bytes.size()));
    model.replace(offset, bytes.size(), bytes);
  }
  bool agree() const {
    std::string now(30'000, '?');
    now.resize(image.read(0, now));
    return now == model && image.size() == model.size();
  }
};

TEST(FileImage, AgreesWithAString) {
  for (uint64_t seed = 1; seed <= 50; ++seed) {
    Rng rng(seed);
    ImageAndModel both;
    for (int step = 0; step < 300; ++step) {
      both.change(rng);
      ASSERT_TRUE(both.agree()) << "seed " << seed << " step " << step;
    }
  }
}

TEST_F(StorageTest, ADiskInAnotherMachineIsACopyThatIsSynced) {
  const auto log = make_durable("/log", kOld);
  ASSERT_TRUE(write(*log, 0, kNew));  // not synced
  World other(12);
  other.storage().insert_disk(storage().image());
  const auto copy = std::move(other.disk().open("/log", OpenMode::kReadWrite)).value();
  ASSERT_TRUE(write(*copy, 0, "x"));
  EXPECT_EQ(content("/log"), kNew) << "a change went through to the first machine";
  other.storage().reboot(PowerCut::kDrop);
  EXPECT_EQ(other.disk().read_file("/log", 1 << 20).value(), kNew);
  storage().reboot(PowerCut::kDrop);
  EXPECT_EQ(content("/log"), kOld);
}

}  // namespace
}  // namespace posthorn::io::sim

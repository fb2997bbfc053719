// Files, folders and locks: one body for the machine and for the simulation.
#include "io/disk.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "io/testing/forms.h"

namespace posthorn::io {
namespace {

using testing::ElementsAre;

class DiskTest : public testing::TestWithParam<NamedForm> {
 protected:
  Disk& disk() { return form_->host().disk(); }
  std::string path(const std::string& name) { return form_->directory() + "/" + name; }

  std::unique_ptr<File> file(const std::string& name, OpenMode mode = OpenMode::kCreateOrOpen) {
    auto opened = disk().open(path(name), mode);
    EXPECT_TRUE(opened.ok()) << opened.error().message;
    return std::move(opened).value();
  }
  static std::string content(File& from, uint64_t offset, size_t size) {
    std::string bytes(size, '?');
    auto got = from.read(offset, bytes);
    EXPECT_TRUE(got.ok());
    bytes.resize(std::move(got).value_or(0));
    return bytes;
  }

  std::unique_ptr<HostForm> form_ = GetParam().make();
};

INSTANTIATE_TEST_SUITE_P(Forms, DiskTest, testing::ValuesIn(all_forms()),
                         [](const auto& about) { return about.param.name; });

TEST_P(DiskTest, WritesManyPartsAndReadsThemBack) {
  const auto log = file("log");
  std::vector<std::string> texts;
  std::string all;
  for (int i = 0; i < 200; ++i) {
    texts.push_back(std::string(static_cast<size_t>(i % 7), static_cast<char>('a' + i % 26)));
    all += texts.back();
  }
  const std::vector<ByteView> parts(texts.begin(), texts.end());
  ASSERT_TRUE(log->write(5, parts).ok());
  ASSERT_TRUE(log->sync().ok());
  EXPECT_EQ(content(*log, 0, all.size() + 100), std::string(5, '\0') + all);
  EXPECT_EQ(content(*log, 8, 4), all.substr(3, 4));
  EXPECT_EQ(content(*log, all.size() + 5, 10), "");
  EXPECT_EQ(log->size().value(), all.size() + 5);
}

TEST_P(DiskTest, OpenModesSayWhatMustBeThere) {
  EXPECT_EQ(disk().open(path("a"), OpenMode::kRead).error().code, Errc::kNotFound);
  EXPECT_EQ(disk().open(path("a"), OpenMode::kReadWrite).error().code, Errc::kNotFound);
  ASSERT_TRUE(disk().open(path("a"), OpenMode::kCreate).ok());
  EXPECT_EQ(disk().open(path("a"), OpenMode::kCreate).error().code, Errc::kConflict);
  ASSERT_TRUE(disk().open(path("a"), OpenMode::kCreateOrOpen).ok());
  const auto reading = file("a", OpenMode::kRead);
  EXPECT_FALSE(reading->write(0, std::array<ByteView, 1>{"x"}).ok());
  EXPECT_EQ(disk().open(path("none/b"), OpenMode::kCreate).error().code, Errc::kNotFound);
}

TEST_P(DiskTest, AllocatedSpaceIsZerosAndPunchedBytesBecomeZeros) {
  const auto segment = file("segment");
  ASSERT_TRUE(segment->allocate(100'000).ok());
  EXPECT_EQ(segment->size().value(), 100'000u);
  EXPECT_EQ(content(*segment, 99'990, 100), std::string(10, '\0'));
  const std::string bytes(20'000, 'x');
  ASSERT_TRUE(segment->write(0, std::array{ByteView(bytes)}).ok());
  ASSERT_TRUE(segment->punch(100, 15'000).ok());
  EXPECT_EQ(segment->size().value(), 100'000u);
  EXPECT_EQ(content(*segment, 99, 3), std::string("x\0\0", 3));
  EXPECT_EQ(content(*segment, 15'099, 3), std::string("\0xx", 3));
  ASSERT_TRUE(segment->truncate(50).ok());
  EXPECT_EQ(segment->size().value(), 50u);
  ASSERT_TRUE(segment->truncate(60).ok());
  EXPECT_EQ(content(*segment, 49, 20), std::string("x") + std::string(10, '\0'));
}

TEST_P(DiskTest, ZeroesARangeAndNothingBesideIt) {
  const auto segment = file("segment");
  const std::string bytes(300'000, 'x');
  ASSERT_TRUE(segment->write(0, std::array{ByteView(bytes)}).ok());
  EXPECT_EQ(content(*segment, 150'000, 1), "x");  // now it is in the caches
  ASSERT_TRUE(segment->zero(5'000, 200'000).ok());
  EXPECT_EQ(content(*segment, 0, 300'000),
            bytes.substr(0, 5'000) + std::string(200'000, '\0') + bytes.substr(205'000));
  ASSERT_TRUE(segment->zero(299'999, 2).ok());
  EXPECT_EQ(content(*segment, 299'998, 10), std::string("x\0\0", 3));
  ASSERT_TRUE(segment->zero(350'000, 40'000).ok());
  EXPECT_EQ(segment->size().value(), 390'000u);
  EXPECT_EQ(content(*segment, 300'001, 100'000), std::string(89'999, '\0'));
  ASSERT_TRUE(segment->zero(10, 0).ok());
  ASSERT_TRUE(segment->write(380'000, std::array<ByteView, 1>{"odd"}).ok());
  EXPECT_EQ(content(*segment, 379'999, 5), std::string("\0odd\0", 5));
}

TEST_P(DiskTest, NamesAreListedRenamedAndRemoved) {
  ASSERT_TRUE(disk().make_directory(path("deep/er/est")).ok());
  ASSERT_TRUE(disk().make_directory(path("deep/er/est")).ok());
  file("deep/b");
  file("deep/a");
  EXPECT_THAT(disk().list(path("deep")).value(), ElementsAre("a", "b", "er"));
  ASSERT_TRUE(disk().rename(path("deep/a"), path("deep/b")).ok());
  EXPECT_THAT(disk().list(path("deep")).value(), ElementsAre("b", "er"));
  EXPECT_FALSE(disk().exists(path("deep/a")));
  EXPECT_TRUE(disk().exists(path("deep/er")));
  EXPECT_FALSE(disk().remove(path("deep/er")).ok());
  ASSERT_TRUE(disk().remove(path("deep/b")).ok());
  EXPECT_EQ(disk().remove(path("deep/b")).error().code, Errc::kNotFound);
  EXPECT_TRUE(disk().sync_directory(path("deep")).ok());
  EXPECT_EQ(disk().list(path("none")).error().code, Errc::kNotFound);
}

TEST_P(DiskTest, AnOpenFileOutlivesItsName) {
  const auto kept = file("kept");
  ASSERT_TRUE(kept->write(0, std::array<ByteView, 1>{"still here"}).ok());
  ASSERT_TRUE(disk().remove(path("kept")).ok());
  EXPECT_EQ(content(*kept, 0, 100), "still here");
}

TEST_P(DiskTest, ReplacesAWholeFile) {
  ASSERT_TRUE(disk().replace_file(path("state"), "one, and longer").ok());
  ASSERT_TRUE(disk().replace_file(path("state"), "two").ok());
  EXPECT_EQ(disk().read_file(path("state"), 3).value(), "two");
  EXPECT_EQ(disk().read_file(path("state"), 2).error().code, Errc::kTooLarge);
  EXPECT_THAT(disk().list(form_->directory()).value(), ElementsAre("state"));
}

TEST_P(DiskTest, ALockIsHeldOnceAndReleased) {
  auto first = disk().lock(path("lock"));
  ASSERT_TRUE(first.ok()) << first.error().message;
  const auto second = disk().lock(path("lock"));
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.error().code, Errc::kConflict);
  EXPECT_THAT(second.error().message, testing::HasSubstr("process"));
  first.value().reset();
  EXPECT_TRUE(disk().lock(path("lock")).ok());
}

TEST_P(DiskTest, KnowsItsSpace) {
  const auto space = disk().space(form_->directory());
  ASSERT_TRUE(space.ok());
  EXPECT_GT(space->total_bytes, 0u);
  EXPECT_LE(space->free_bytes, space->total_bytes);
}

TEST(ParentDirectory, IsThePartBeforeTheLastSlash) {
  EXPECT_EQ(parent_directory("/data/log/1"), "/data/log");
  EXPECT_EQ(parent_directory("/data"), "/");
  EXPECT_EQ(parent_directory("data"), ".");
}

}  // namespace
}  // namespace posthorn::io

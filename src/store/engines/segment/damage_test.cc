// Derived files are damaged, one place at a time: no damage is overlooked, every answer is right or
// says that something is made again, and after maintenance all answers are those of the reference
// model. A seeded sample; POSTHORN_FULL=1 flips a bit in every byte.
#include <gtest/gtest.h>

#include "store/engines/segment/checkpoint_format.h"
#include "store/engines/segment/sorted_file.h"
#include "store/testing/memory_disk.h"
#include "store/testing/stored_sample.h"

namespace posthorn::store::segment {
namespace {

using testing::Place;
using testing::StoredSample;

struct Derived {
  const char* name;
  std::string_view mark;  // of their paths: a folder or a suffix
  const StoredSample& (*sample)();

  std::vector<std::string> paths() const {
    std::vector<std::string> found;
    for (const auto& [path, bytes] : sample().files) {
      if (path.find(mark) != std::string::npos) found.push_back(path);
    }
    return found;
  }
};
void PrintTo(const Derived& derived, std::ostream* out) { *out << derived.name; }

std::string kind_name(const ::testing::TestParamInfo<Derived>& info) { return info.param.name; }

void expect_mended(StoredSample::Machine& machine, const StoredSample& sample) {
  StoreDriver& driver = machine.driver;
  const Status opened = driver.open();
  ASSERT_TRUE(opened.ok()) << opened.error().message;
  // A question ends at the first damaged file that it meets, so several take several rounds.
  const auto wrong = [&] { return sample.twin.difference(driver.store()); };
  std::string answer = wrong();
  for (size_t round = 0; !answer.empty() && round < sample.files.size(); ++round) {
    ASSERT_NE(answer.find("made again"), std::string::npos) << answer;
    (void)driver.maintain();  // ends where it meets damage itself
    answer = wrong();
  }
  ASSERT_EQ(answer, "");
  const Status maintained = driver.maintain();
  ASSERT_TRUE(maintained.ok()) << maintained.error().message;
  ASSERT_TRUE(driver.open().ok());
  ASSERT_EQ(wrong(), "") << "after a restart";
}

class DerivedFiles : public ::testing::TestWithParam<Derived> {};

// What opens a file, or reads it through, says that it is damaged: nothing of it can be believed
// that was not checked. Every byte of a file is covered by the checksum of its block.
TEST_P(DerivedFiles, NeverPassForSoundWhenABitIsWrong) {
  constexpr size_t kSample = 200;
  const StoredSample& sample = GetParam().sample();
  testing::MemoryDisk disk;
  testing::for_places(sample, GetParam().paths(), {.count = kSample}, [&](const Place& place) {
    std::string bytes = sample.files.at(place.path);
    bytes[place.offset] = static_cast<char>(bytes[place.offset] ^ place.mask);
    disk.set_bytes(place.path, std::move(bytes));
    if (place.path.ends_with(".checkpoint")) {
      ASSERT_FALSE(load_checkpoint(disk, place.path).ok());
      return;
    }
    OpenFiles open_files(disk, 4);
    BlockCache cache(open_files, 64u << 10);
    const auto opened = SortedFile::open(cache, place.path);
    const Status sound = opened.ok() ? (*opened)->verify() : Status(opened.error());
    ASSERT_FALSE(sound.ok());
    ASSERT_EQ(sound.error().code, Errc::kCorrupt) << sound.error().message;
  });
}

// In a full run one bit in every block: within a block they are all the same to the store.
TEST_P(DerivedFiles, AreMadeAgainFromTheLogWhenABitIsWrong) {
  constexpr size_t kSample = 5;
  const StoredSample& sample = GetParam().sample();
  size_t blocks = 0;
  for (const std::string& path : GetParam().paths()) {
    blocks += sample.files.at(path).size() / kBlockBytes;
  }
  const size_t count = testing::full_run() ? blocks : kSample;
  testing::for_places(
      sample, GetParam().paths(), {.count = count, .always = true}, [&](const Place& place) {
        StoredSample::Machine machine(sample);
        ASSERT_TRUE(machine.world.storage()
                        .flip_bits(testing::kSampleRoot + place.path, place.offset, place.mask)
                        .ok());
        expect_mended(machine, sample);
      });
}

TEST_P(DerivedFiles, AreMadeAgainFromTheLogWhenAllOfThemAreCutOrMissing) {
  const StoredSample& sample = GetParam().sample();
  for (const bool missing : {false, true}) {
    // A store cannot know of a key file that is gone altogether.
    if (missing && GetParam().mark == "/keys") return;
    StoredSample::Machine machine(sample);
    for (const std::string& path : GetParam().paths()) {
      const std::string on_disk = testing::kSampleRoot + path;
      if (missing) {
        ASSERT_TRUE(machine.world.disk().remove(on_disk).ok());
        continue;
      }
      const auto file = machine.world.disk().open(on_disk, io::OpenMode::kReadWrite);
      ASSERT_TRUE((*file)->truncate(sample.files.at(path).size() / 2).ok());
    }
    expect_mended(machine, sample);
  }
}

INSTANTIATE_TEST_SUITE_P(
    OfWholeSegments, DerivedFiles,
    ::testing::Values(Derived{"Indexes", "/index", testing::store_of_whole_segments},
                      Derived{"Outcomes", "/outcomes", testing::store_of_whole_segments},
                      Derived{"Due", "/due", testing::store_of_whole_segments},
                      Derived{"Payloads", "/payloads", testing::store_of_whole_segments},
                      Derived{"Keys", "/keys", testing::store_of_whole_segments},
                      Derived{"Checkpoints", "/checkpoints", testing::store_of_whole_segments}),
    kind_name);
INSTANTIATE_TEST_SUITE_P(OfSmallSegments, DerivedFiles,
                         ::testing::Values(Derived{"Runs", ".run",
                                                   testing::store_of_small_segments}),
                         kind_name);

TEST(StoredSamples, HaveFilesOfEveryKind) {
  for (const char* suffix : {".idx", ".run", ".outcomes", ".due", ".keys", ".checkpoint"}) {
    EXPECT_FALSE(testing::store_of_small_segments().paths_with(suffix).empty()) << suffix;
  }
  EXPECT_GE(testing::store_of_whole_segments().paths_with(".idx").size(), 2u);
}

}  // namespace
}  // namespace posthorn::store::segment

// Sorted files against std::map, and damage to every byte of a small one.
#include "store/engines/segment/sorted_file.h"

#include <gtest/gtest.h>

#include <map>

#include "base/rng.h"
#include "store/engines/segment/sorted_file_writer.h"
#include "store/engines/segment/sorted_merge.h"
#include "store/testing/memory_disk.h"

namespace posthorn::store::segment {
namespace {

using Model = std::map<std::string, std::string>;
constexpr TableShape kShape{
    .table = 3, .key_bytes = 12, .value_bytes = 5, .filter = {.key_bytes = 8}};

std::string random_bytes(Rng& rng, size_t size) {
  std::string bytes(size, '\0');
  rng.fill({reinterpret_cast<uint8_t*>(bytes.data()), bytes.size()});
  return bytes;
}

Model random_model(uint64_t seed, size_t entries) {
  Rng rng(seed);
  Model model;
  while (model.size() < entries) model[random_bytes(rng, 12)] = random_bytes(rng, 5);
  return model;
}

class SortedFiles : public ::testing::Test {
 protected:
  std::shared_ptr<const SortedFile> write(const std::string& path, const Model& model) {
    auto writer = SortedFileWriter::create(disk_, path).value();
    EXPECT_TRUE(writer->begin_table(kShape, model.size()).ok());
    for (const auto& [key, value] : model) EXPECT_TRUE(writer->add(key + value).ok());
    EXPECT_TRUE(writer->end_table().ok());
    EXPECT_TRUE(writer->add_bytes(9, std::string(5000, 'b')).ok());
    EXPECT_TRUE(writer->finish("meta").ok());
    return SortedFile::open(cache_, path).value();
  }

  testing::MemoryDisk disk_;
  OpenFiles files_{disk_, 4};
  BlockCache cache_{files_, 1 << 20};
};

TEST_F(SortedFiles, FindsEveryEntryAndNoOther) {
  for (const size_t entries : {0, 1, 240, 241, 5000, 60000}) {
    const Model model = random_model(entries, entries);
    const auto file = write("d/f" + std::to_string(entries), model);
    ASSERT_EQ(file->table(3)->entries, entries);
    for (const auto& [key, value] : model) {
      const auto found = file->find(3, key).value();
      ASSERT_TRUE(found.has_value());
      ASSERT_EQ(*found, key + value);
      ASSERT_TRUE(file->may_contain(3, key).value());
    }
    for (const auto& [key, value] : random_model(99, 100)) {
      ASSERT_FALSE(file->find(3, key).value().has_value());
    }
    EXPECT_EQ(file->meta(), "meta");
    EXPECT_EQ(file->read_bytes(9, 4000, 9999).value(), std::string(1000, 'b'));
  }
}

TEST_F(SortedFiles, WalksBothWaysLikeAMap) {
  const Model model = random_model(7, 20000);
  const auto file = write("d/f", model);
  auto cursor = file->cursor(3);
  ASSERT_TRUE(cursor.seek_first().ok());
  for (const auto& [key, value] : model) {
    ASSERT_TRUE(cursor.valid());
    ASSERT_EQ(cursor.entry(), key + value);
    ASSERT_TRUE(cursor.next().ok());
  }
  ASSERT_FALSE(cursor.valid());
  ASSERT_TRUE(cursor.seek_last().ok());
  for (auto at = model.rbegin(); at != model.rend(); ++at) {
    ASSERT_EQ(cursor.key(), at->first);
    ASSERT_TRUE(cursor.prev().ok());
  }
  ASSERT_FALSE(cursor.valid());
  Rng rng(5);
  for (int i = 0; i < 2000; ++i) {
    const std::string key = random_bytes(rng, 1 + rng.below(12));
    ASSERT_TRUE(cursor.seek(key).ok());
    const auto above = model.lower_bound(key);
    ASSERT_EQ(cursor.valid(), above != model.end());
    if (cursor.valid()) {
      ASSERT_EQ(cursor.key(), above->first);
    }
    ASSERT_TRUE(cursor.seek_below(key).ok());
    ASSERT_EQ(cursor.valid(), above != model.begin());
    if (cursor.valid()) {
      ASSERT_EQ(cursor.key(), std::prev(above)->first);
    }
  }
}

TEST_F(SortedFiles, FilterIsRightAboutMostStrangers) {
  const auto file = write("d/f", random_model(1, 50000));
  size_t wrong = 0;
  Rng rng(2);
  for (int i = 0; i < 20000; ++i) wrong += file->may_contain(3, random_bytes(rng, 12)).value();
  EXPECT_LT(wrong, 20000 * 15 / 1000);
}

TEST_F(SortedFiles, FourLayersOfFourBitsErrLessThanOnceInAThousand) {
  TableShape shape = kShape;
  shape.filter = {.key_bytes = 12, .layers = 4, .bits_per_key = 4, .probes = 3};
  auto writer = SortedFileWriter::create(disk_, "d/f").value();
  const Model model = random_model(1, 200000);
  ASSERT_TRUE(writer->begin_table(shape, model.size()).ok());
  for (const auto& [key, value] : model) ASSERT_TRUE(writer->add(key + value).ok());
  ASSERT_TRUE(writer->end_table().ok());
  ASSERT_TRUE(writer->finish({}).ok());
  const auto file = SortedFile::open(cache_, "d/f").value();
  std::vector<std::vector<FilterLine>> layers;
  for (uint8_t layer = 0; layer < 4; ++layer) layers.push_back(file->load_layer(3, layer).value());
  const auto passes = [&](ByteView key, uint8_t count) {
    const FilterHash hash = filter_hash(key);
    for (uint8_t layer = 0; layer < count; ++layer) {
      const auto& lines = layers[layer];
      if (!filter_may_contain(lines[filter_line_of(hash, lines.size())], hash, shape.filter, layer))
        return false;
    }
    return true;
  };
  for (const auto& [key, value] : model) ASSERT_TRUE(passes(key, 4));
  Rng rng(3);
  size_t wrong_one = 0;
  size_t wrong_all = 0;
  for (int i = 0; i < 200000; ++i) {
    const std::string key = random_bytes(rng, 12);
    wrong_one += passes(key, 1);
    wrong_all += passes(key, 4);
    if (i < 2000) {
      ASSERT_EQ(passes(key, 4), file->may_contain(3, key).value());
    }
  }
  EXPECT_LT(wrong_one, 200000 * 17 / 100);
  EXPECT_LE(wrong_all, 200000 / 1000);
}

TEST_F(SortedFiles, MergesLikeAMapWhoseNewestEntryWins) {
  std::vector<std::shared_ptr<const SortedFile>> inputs;
  Model all;
  for (uint64_t i = 0; i < 16; ++i) {
    Model model = random_model(i % 11, 500 + 100 * i);  // some keys are in several inputs
    for (auto& [key, value] : model) all[key] = value = std::string(5, static_cast<char>('a' + i));
    inputs.push_back(write("d/" + std::to_string(i), model));
  }
  auto writer = SortedFileWriter::create(disk_, "d/all").value();
  const auto keep = [](ByteView entry) { return entry[0] != 'x'; };
  ASSERT_TRUE(merge_tables(inputs, kShape, keep, *writer).ok());
  ASSERT_TRUE(writer->finish({}).ok());
  const auto merged = SortedFile::open(cache_, "d/all").value();
  TableScan scan(*merged, 3);
  size_t kept = 0;
  for (const auto& [key, value] : all) {
    if (key[0] == 'x') continue;
    ++kept;
    ASSERT_EQ(scan.next().value(), key + value);
    ASSERT_TRUE(merged->may_contain(3, key).value());
  }
  EXPECT_TRUE(scan.next().value().empty());
  EXPECT_EQ(merged->table(3)->entries, kept);
}

// Reads everything that there is in a file.
Status read_all(BlockCache& cache, const std::string& path) {
  PH_ASSIGN(const auto file, SortedFile::open(cache, path));
  return file->verify();
}

TEST_F(SortedFiles, AFlippedBitInAnyByteIsNoticed) {
  write("d/f", random_model(4, 700));
  const std::string good = disk_.bytes("d/f");
  ASSERT_LT(good.size(), 64u << 10);
  Rng rng(8);
  for (size_t at = 0; at < good.size(); ++at) {
    std::string bad = good;
    bad[at] = static_cast<char>(bad[at] ^ (1 << rng.below(8)));
    disk_.set_bytes("d/f", std::move(bad));
    cache_.forget(CachedFile("d/f"));
    const Status read = read_all(cache_, "d/f");
    ASSERT_FALSE(read.ok()) << "byte " << at;
    ASSERT_EQ(read.error().code, Errc::kCorrupt);
  }
}

TEST_F(SortedFiles, ACutFileIsNoticed) {
  write("d/f", random_model(4, 700));
  const std::string good = disk_.bytes("d/f");
  for (size_t size = 0; size < good.size(); size += 97) {
    disk_.set_bytes("d/f", good.substr(0, size));
    cache_.forget(CachedFile("d/f"));
    ASSERT_FALSE(SortedFile::open(cache_, "d/f").ok()) << size;
  }
}

TEST_F(SortedFiles, ABlockInAnotherPlaceIsNoticed) {
  write("d/f", random_model(4, 2000));
  std::string bytes = disk_.bytes("d/f");
  std::swap_ranges(bytes.begin() + 3 * kBlockBytes, bytes.begin() + 4 * kBlockBytes,
                   bytes.begin() + 4 * kBlockBytes);
  disk_.set_bytes("d/f", bytes);
  EXPECT_FALSE(read_all(cache_, "d/f").ok());
}

TEST_F(SortedFiles, ANewerVersionIsRefusedAsSuch) {
  write("d/f", random_model(4, 10));
  std::string bytes = disk_.bytes("d/f");
  const size_t footer = bytes.size() - kBlockBytes;
  bytes[footer + kBlockHeaderBytes + 8] = 2;
  seal_block(bytes.data() + footer, static_cast<uint32_t>(footer / kBlockBytes),
             {BlockKind::kFooter, 0, 0});
  disk_.set_bytes("d/f", bytes);
  cache_.forget(CachedFile("d/f"));
  const auto opened = SortedFile::open(cache_, "d/f");
  ASSERT_FALSE(opened.ok());
  EXPECT_EQ(opened.error().code, Errc::kUnsupported);
}

TEST_F(SortedFiles, AnUnfinishedFileLeavesNothing) {
  {
    auto writer = SortedFileWriter::create(disk_, "d/f").value();
    ASSERT_TRUE(writer->begin_table(kShape, 1).ok());
  }
  EXPECT_TRUE(disk_.list("d").value().empty());
}

TEST_F(SortedFiles, AFullDiskIsAnErrorNotACrash) {
  auto writer = SortedFileWriter::create(disk_, "d/f").value();
  disk_.set_bytes_left(300 << 10);
  ASSERT_TRUE(writer->begin_table(kShape, 100000).ok());
  Status added;
  for (const auto& [key, value] : random_model(1, 40000)) {
    added = writer->add(key + value);
    if (!added.ok()) break;
  }
  ASSERT_FALSE(added.ok());
  EXPECT_EQ(added.error().code, Errc::kNoSpace);
}

TEST(BlockCache, KeepsWhatIsUsedAndStaysWithinItsLimit) {
  testing::MemoryDisk disk;
  std::string bytes;
  for (uint32_t number = 0; number < 100; ++number) {
    std::string block(kBlockBytes, static_cast<char>(number));
    seal_block(block.data(), number, {BlockKind::kBytes, 1, 0});
    bytes += block;
  }
  disk.set_bytes("f", bytes);
  OpenFiles files(disk, 2);
  BlockCache cache(files, 20 * kBlockBytes);
  const CachedFile file("f");
  for (uint32_t round = 0; round < 3; ++round) {
    for (uint32_t number = 0; number < 20; ++number) {
      const auto block = cache.read(file, number).value();
      EXPECT_EQ((*block)[100], static_cast<char>(number));
    }
  }
  EXPECT_EQ(cache.counts().misses, 20u);
  ASSERT_TRUE(cache.read(file, 50).ok());
  ASSERT_TRUE(cache.read(file, 19).ok());
  EXPECT_EQ(cache.counts().misses, 21u);
  ASSERT_TRUE(cache.read(file, 0).ok());  // the least recently used made room
  EXPECT_EQ(cache.counts().misses, 22u);
  EXPECT_FALSE(cache.read(file, 100).ok());
}

}  // namespace
}  // namespace posthorn::store::segment

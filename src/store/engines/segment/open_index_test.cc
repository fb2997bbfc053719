// The index of one segment, in memory and on disk, against full scans.
#include "store/engines/segment/open_index.h"

#include <gtest/gtest.h>

#include "store/engines/segment/index_format.h"
#include "store/engines/segment/segment_index.h"
#include "store/engines/segment/sorted_file_writer.h"
#include "store/testing/index_model.h"
#include "store/testing/memory_disk.h"

namespace posthorn::store::segment {
namespace {

class SegmentIndexes : public ::testing::Test {
 protected:
  std::shared_ptr<SegmentIndex> seal(const OpenIndex& index) {
    auto writer = SortedFileWriter::create(disk_, "i/x").value();
    EXPECT_TRUE(index.write(*writer).ok());
    EXPECT_TRUE(writer->finish(encode_span(index.span())).ok());
    return SegmentIndex::open(cache_, "i/x").value();
  }

  testing::MemoryDisk disk_;
  OpenFiles files_{disk_, 4};
  BlockCache cache_{files_, 1 << 20};
};

TEST_F(SegmentIndexes, AnswerLikeFullScansInMemoryAndOnDisk) {
  for (const size_t records : {0, 1, 2, 50, 3000, 20000}) {
    for (const size_t apps : {1, 7, 60}) {
      IndexModel model;
      IndexTraffic traffic(records + apps, apps);
      const auto open = traffic.segment(records, model);
      expect_same_answers(model, *open, traffic, 100);
      const auto sealed = seal(*open);
      EXPECT_EQ(sealed->span(), open->span());
      expect_same_answers(model, *sealed, traffic, 100);
      cache_.forget(CachedFile("i/x"));
      ASSERT_FALSE(HasFailure()) << records << " records, " << apps << " apps";
    }
  }
}

TEST_F(SegmentIndexes, LaterSegmentsKnowAttemptsOnOlderMessages) {
  IndexModel model;
  IndexTraffic traffic(3, 5);
  traffic.segment(500, model);
  const auto second = traffic.segment(500, model);
  const auto sealed = seal(*second);
  size_t late = 0;
  for (const auto& attempt : model.attempts) {
    if (attempt.place.segment.value != 2) continue;
    const IndexReader::OfMessage of{attempt.message, attempt.endpoint, attempt.place.seq, 1};
    const auto expected = model.attempts_of_message(of).value();
    EXPECT_EQ(second->attempts_of_message(of).value(), expected);
    EXPECT_EQ(sealed->attempts_of_message(of).value(), expected);
    late += attempt.message < sealed->span().first;
  }
  EXPECT_GT(late, 0u);
  EXPECT_EQ(sealed->file()->table(kLateAttempts)->entries, late);
}

TEST_F(SegmentIndexes, AFlippedBitInAnyByteIsNoticed) {
  IndexModel model;
  IndexTraffic traffic(5, 3);
  seal(*traffic.segment(120, model));
  const std::string good = disk_.bytes("i/x");
  for (size_t at = 0; at < good.size(); ++at) {
    std::string bad = good;
    bad[at] = static_cast<char>(bad[at] ^ (1 << traffic.rng().below(8)));
    disk_.set_bytes("i/x", std::move(bad));
    cache_.forget(CachedFile("i/x"));
    const auto opened = SegmentIndex::open(cache_, "i/x");
    const Status read = opened.ok() ? (*opened)->file()->verify() : Status(opened.error());
    ASSERT_FALSE(read.ok()) << "byte " << at;
  }
}

TEST_F(SegmentIndexes, MemoryIsEstimatedAboveWhatIsHeld) {
  IndexModel model;
  IndexTraffic traffic(6, 20);
  const auto index = traffic.segment(20000, model);
  EXPECT_GT(index->memory_bytes(), 20000u * 40);
  EXPECT_LT(index->memory_bytes(), 20000u * 250);
}

}  // namespace
}  // namespace posthorn::store::segment

// The segment that is being written: groups at its end, target sets named in it, and going on to
// the next file. Commit thread only.
#pragma once
#include <memory>
#include <unordered_map>
#include <vector>

#include "io/entropy.h"
#include "model/targets.h"
#include "store/engines/segment/group_writer.h"
#include "store/engines/segment/segment_files.h"

namespace posthorn::store::segment {

class SegmentWriter {
 public:
  SegmentWriter(SegmentFiles& files, io::Entropy& entropy) : files_(files), entropy_(entropy) {}

  // Goes on at `offset` of a segment that recovery has read; `sets` are those it names.
  Status resume(SegmentNumber number, uint64_t offset, const std::vector<model::Targets>& sets);
  // Begins the next segment; its file is made here when it was not prepared. kNoSpace leaves
  // everything as it was.
  Status advance(SegmentNumber number);

  bool fits(size_t cost) const;
  // Something was written to this segment.
  bool begun() const { return header_written_; }
  SegmentNumber number() const { return number_; }
  uint64_t generation() const { return generation_; }
  uint64_t offset() const { return offset_; }

  // The number of a set in this segment; `is_new`: a record for it must go in front of its use.
  uint32_t set_id(const model::Targets& targets, bool& is_new);

  // Writes the group at offset() (behind the header, when it is the first), zeros up to the end of
  // its last block, and syncs once. After an error nothing may be assumed of the bytes.
  Status commit(const GroupWriter& group, const SegmentHeader& header);

 private:
  SegmentFiles& files_;
  io::Entropy& entropy_;
  std::unique_ptr<io::File> file_;
  SegmentNumber number_;
  uint64_t generation_ = 0;
  uint64_t offset_ = 0;
  bool header_written_ = false;
  std::vector<ByteView> parts_;  // of the write; kept for its room
  std::vector<model::Targets> sets_;
  std::unordered_multimap<uint64_t, uint32_t> set_by_hash_;
};

}  // namespace posthorn::store::segment

// Files of segments that left the log: zeroed piece by piece, then used for segments to come, so
// that no commit has to wait for new blocks. A bounded number is kept, the others go back to the
// file system. One thread at a time (housekeeping).
#pragma once
#include <vector>

#include "store/engines/segment/segment_files.h"

namespace posthorn::store::segment {

class SpareSegments {
 public:
  static constexpr size_t kKept = 2;  // beyond the reserve of prepared segments

  explicit SpareSegments(SegmentFiles& files) : files_(files) {}

  // Takes over those that an earlier process left; how far they were zeroed is not known.
  Status load();
  // Takes the file of a segment out of the log, durable on return.
  Status add(SegmentNumber taken_out);
  // Zeroes one more piece; true when there is more to zero.
  Result<bool> scrub_step();
  // Makes one the prepared file of `number`, zeroing what of it is not; false when there is none.
  Result<bool> use_for(SegmentNumber number);
  // Gives the file system back what is beyond `kept`.
  Status trim(size_t kept);
  size_t size() const { return spares_.size(); }

 private:
  struct Spare {
    SegmentNumber was;
    uint64_t zeroed = 0;  // bytes from the front
  };
  Status scrub(Spare& spare);

  SegmentFiles& files_;
  std::vector<Spare> spares_;
};

}  // namespace posthorn::store::segment

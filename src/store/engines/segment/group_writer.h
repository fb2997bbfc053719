// pure: puts stamped records together to a group, as parts of one gathered write. Used by the
// committer; copies no record.
#pragma once
#include <array>
#include <vector>

#include "base/bytes.h"
#include "store/engines/segment/log_format.h"

namespace posthorn::store::segment {

class GroupWriter {
 public:
  // The group will lie at `offset` of its segment.
  void begin(uint64_t generation, uint64_t offset);
  // `record` must be stamped already and stay where it is until the write is done. Answers its
  // offset in the segment.
  uint32_t add(ByteView record);
  // Completes the header.
  void finish(uint64_t number, uint64_t durable_before);

  bool empty() const { return header_.records == 0; }
  // Header first; valid after finish().
  const std::vector<ByteView>& parts() const { return parts_; }
  uint64_t end_offset() const { return offset_ + kGroupHeaderBytes + header_.length; }

 private:
  GroupHeader header_;
  uint64_t offset_ = 0;
  std::array<char, kGroupHeaderBytes> header_bytes_{};
  std::vector<ByteView> parts_;
};

}  // namespace posthorn::store::segment

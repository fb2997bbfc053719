// pure: the number of a segment of the log; used by every file that belongs to one.
#pragma once
#include <compare>
#include <cstdint>

namespace posthorn::store::segment {

// Grows by one with each segment ever opened, also when the file is a recycled one; the first is
// 1, 0 means none.
struct SegmentNumber {
  uint64_t value = 0;
  auto operator<=>(const SegmentNumber&) const = default;
  SegmentNumber next() const { return SegmentNumber{value + 1}; }
};

}  // namespace posthorn::store::segment

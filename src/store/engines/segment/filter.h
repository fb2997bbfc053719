// pure: Bloom filters over uniformly spread keys, laid out so that a writer that sees the keys in
// ascending order needs one block of memory, however many keys there are. Used by sorted files.
//
// A filter is a row of lines of 512 bits. The first eight bytes of a key (big-endian) choose the
// line in proportion, so ascending keys touch ascending lines; the bits in the line come from a
// second hash of the whole key. A filter may have several layers of the same shape with other
// bits: their false-positive rates multiply, and a reader may hold only some layers in memory.
#pragma once
#include <array>
#include <cstdint>

#include "base/bytes.h"

namespace posthorn::store::segment {

struct FilterShape {
  uint8_t key_bytes = 0;  // the filter is over this prefix of a key, >= 8; 0: no filter
  uint8_t layers = 1;
  uint8_t bits_per_key = 10;  // of one layer
  uint8_t probes = 6;         // of one layer
  bool operator==(const FilterShape&) const = default;
};

inline constexpr size_t kFilterLineBytes = 64;
using FilterLine = std::array<uint64_t, kFilterLineBytes / 8>;

// Lines that one layer needs for `keys` keys; at least 1.
uint64_t filter_lines(const FilterShape& shape, uint64_t keys);

// What the filter needs to know of a key.
struct FilterHash {
  uint64_t place = 0;  // chooses the line
  uint64_t bits = 0;   // chooses the bits
};
FilterHash filter_hash(ByteView key);
uint64_t filter_line_of(const FilterHash& hash, uint64_t lines);
void filter_add(FilterLine& line, const FilterHash& hash, const FilterShape& shape, uint8_t layer);
bool filter_may_contain(const FilterLine& line, const FilterHash& hash, const FilterShape& shape,
                        uint8_t layer);

}  // namespace posthorn::store::segment

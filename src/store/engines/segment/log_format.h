// pure: the layout of segment files: the header block of a file and the frame of a group. The
// grammar in prose is docs/formats/log.md; records are model/encoding.h.
//
//   segment := header block (4 KiB), group*, unused bytes
//   group   := group header (48), record+        (everything at multiples of 8)
#pragma once
#include <array>
#include <cstdint>
#include <optional>

#include "base/bytes.h"
#include "base/result.h"
#include "base/units.h"
#include "store/engines/segment/segment_number.h"

namespace posthorn::store::segment {

inline constexpr uint32_t kFormatVersion = 1;          // of the directory
inline constexpr uint32_t kSegmentMagic = 0x31534850;  // "PHS1"
inline constexpr uint32_t kGroupMagic = 0x31474850;    // "PHG1"
inline constexpr uint64_t kSegmentHeaderBytes = 4096;
inline constexpr size_t kGroupHeaderBytes = 48;
inline constexpr uint64_t kGroupBytesMax = 256u << 20;  // no length above it is believed

struct SegmentHeader {
  SegmentNumber number;
  // 64 random bits, new for each use of a file: bytes of an earlier use, and bytes that a sender
  // put into a payload, are never taken for a group.
  uint64_t generation = 0;
  uint64_t first_group = 0;
  Seq first_seq;
  WallTime created_at;
};

// The whole header block.
std::array<char, kSegmentHeaderBytes> encode_segment_header(const SegmentHeader& header);
// Empty when it is not one (never used, zeroed, damaged); kUnsupported for a newer version.
Result<std::optional<SegmentHeader>> parse_segment_header(ByteView block);

struct GroupHeader {
  uint64_t generation = 0;
  uint64_t number = 0;          // grows by one over the whole log, from 1
  uint64_t durable_before = 0;  // the newest group that was synced when this one was written
  uint32_t length = 0;          // bytes of records behind the header
  uint32_t records = 0;
  uint32_t body_crc = 0;  // over the seals (lengths and checksums) of the records
};

std::array<char, kGroupHeaderBytes> encode_group_header(const GroupHeader& header);
// Empty unless the header's checksum holds for this generation.
std::optional<GroupHeader> parse_group_header(ByteView bytes, uint64_t generation);

// Seeds every checksum of a segment but those of payloads, which are made before the segment is
// known.
inline uint32_t seed_of(uint64_t generation) {
  return static_cast<uint32_t>(generation ^ generation >> 32);
}

// True when the records of the body are all sound: seals chained in body_crc, headers, payloads.
// Erased payloads are sound when `allow_erased`: never in the last group of the log, where zeros
// are what a lost write leaves.
bool group_body_is_sound(const GroupHeader& header, ByteView body, bool allow_erased);

}  // namespace posthorn::store::segment

// pure: numbers of the sorted-file format that its writer and its readers share.
#pragma once
#include <cstdint>

#include "store/engines/segment/sorted_file.h"

namespace posthorn::store::segment {

inline constexpr uint64_t kSortedMagic = 0x31444554524F5350ull;  // "PSORTED1"
inline constexpr uint16_t kSortedVersion = 1;
inline constexpr uint8_t kLevelsMax = 8;
inline constexpr size_t kChildBytes = sizeof(uint32_t);
inline constexpr size_t kLinesPerBlock = kBlockPayloadBytes / kFilterLineBytes;  // 63

inline size_t entries_per_block(size_t width) { return kBlockPayloadBytes / width; }
inline uint32_t filter_blocks(uint64_t lines) {
  return static_cast<uint32_t>((lines + kLinesPerBlock - 1) / kLinesPerBlock);
}

}  // namespace posthorn::store::segment

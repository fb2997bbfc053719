// pure: the frame of every 4 KiB block in index, sidecar, key, due and checkpoint files. A block
// carries a checksum seeded with its place, so that a misplaced block is as bad as a damaged one.
// Grammar: docs/formats/index.md.
#pragma once
#include <cstdint>
#include <string>

#include "base/bytes.h"

namespace posthorn::store::segment {

inline constexpr size_t kBlockBytes = 4096;
inline constexpr size_t kBlockHeaderBytes = 8;
inline constexpr size_t kBlockPayloadBytes = kBlockBytes - kBlockHeaderBytes;

enum class BlockKind : uint8_t {
  kLeaf = 1,  // entries of a table
  kBranch,    // first entries of the blocks one level below, each with its block number
  kFilter,    // lines of a filter
  kBytes,     // raw bytes
  kFooter,    // the last block of a file
};

struct BlockHeader {
  BlockKind kind = BlockKind::kLeaf;
  uint8_t table = 0;
  uint16_t count = 0;  // entries, lines or bytes in the payload
};

// Fills the first eight bytes of a block whose payload is in place; `block` has kBlockBytes bytes.
void seal_block(char* block, uint32_t number, const BlockHeader& header);
// False when the checksum does not hold for this place.
bool block_is_sound(ByteView block, uint32_t number);
BlockHeader block_header(ByteView block);
inline ByteView block_payload(ByteView block) { return block.substr(kBlockHeaderBytes); }

}  // namespace posthorn::store::segment

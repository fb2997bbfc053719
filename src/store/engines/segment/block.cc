// pure: sealing and checking 4 KiB blocks.
#include "store/engines/segment/block.h"

#include "base/check.h"
#include "wire/crc32c.h"

namespace posthorn::store::segment {
namespace {

// Covers everything behind the checksum itself. The seed is the block's number plus one, so that
// a block of zeros is never sound.
uint32_t checksum(ByteView block, uint32_t number) {
  return wire::crc32c(block.substr(sizeof(uint32_t)), number + 1);
}

}  // namespace

void seal_block(char* block, uint32_t number, const BlockHeader& header) {
  block[4] = static_cast<char>(header.kind);
  block[5] = static_cast<char>(header.table);
  store_le<uint16_t>(block + 6, header.count);
  store_le<uint32_t>(block, checksum({block, kBlockBytes}, number));
}

bool block_is_sound(ByteView block, uint32_t number) {
  CHECK(block.size() == kBlockBytes, "a block of {} bytes", block.size());
  return load_le<uint32_t>(block.data()) == checksum(block, number);
}

BlockHeader block_header(ByteView block) {
  return {static_cast<BlockKind>(block[4]), static_cast<uint8_t>(block[5]),
          load_le<uint16_t>(block.data() + 6)};
}

}  // namespace posthorn::store::segment

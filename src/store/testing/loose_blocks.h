// Turns fuzz input into a file of blocks whose checksums hold, so that what lies behind the
// checksum is fuzzed too; and back, for seeds.
//
//   input := { length u16, bytes behind the checksum of a block }*      (zeros follow)
#pragma once
#include <algorithm>
#include <string>

#include "store/engines/segment/block.h"

namespace posthorn::store::segment {

inline std::string blocks_from_loose(ByteView input) {
  constexpr size_t kBlocksMax = 64;
  std::string file;
  ByteReader in(input);
  for (uint32_t number = 0; number < kBlocksMax && in.remaining() > 2; ++number) {
    const size_t length = std::min<size_t>(in.u16(), kBlockBytes - sizeof(uint32_t));
    const ByteView bytes = in.bytes(std::min(length, in.remaining()));
    const size_t at = file.size();
    file.resize(at + kBlockBytes);
    bytes.copy(file.data() + at + sizeof(uint32_t), bytes.size());
    seal_block(file.data() + at, number, block_header({file.data() + at, kBlockBytes}));
  }
  return file;
}

inline std::string loose_from_blocks(ByteView file) {
  std::string loose;
  for (size_t at = 0; at < file.size(); at += kBlockBytes) {
    ByteView block = file.substr(at + sizeof(uint32_t), kBlockBytes - sizeof(uint32_t));
    const size_t last = block.find_last_not_of('\0');
    block = block.substr(0, last == ByteView::npos ? 0 : last + 1);
    ByteWriter(loose).u16(static_cast<uint16_t>(block.size()));
    loose.append(block);
  }
  return loose;
}

}  // namespace posthorn::store::segment

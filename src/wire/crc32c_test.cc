#include "wire/crc32c.h"

#include <gtest/gtest.h>

#include "base/rng.h"

namespace posthorn::wire {
namespace {

std::string random_bytes(size_t size, uint64_t seed) {
  std::string bytes(size, '\0');
  Rng rng(seed);
  rng.fill({reinterpret_cast<uint8_t*>(bytes.data()), bytes.size()});
  return bytes;
}

TEST(Crc32c, MatchesThePublishedVectors) {
  EXPECT_EQ(crc32c("123456789"), 0xE3069283u);
  EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8A9136AAu);
  EXPECT_EQ(crc32c(std::string(32, '\xff')), 0x62A8AB43u);
  EXPECT_EQ(crc32c(""), 0u);
}

TEST(Crc32c, TheInstructionAndTheTablesAgreeAtEveryLength) {
  const std::string bytes = random_bytes(20'000, 1);
  for (size_t size : {0u, 1u, 7u, 8u, 9u, 63u, 1024u, 3071u, 3072u, 3073u, 6144u, 9999u, 20'000u}) {
    for (uint32_t seed : {0u, 1u, 0xDEADBEEFu}) {
      const ByteView view = ByteView(bytes).substr(0, size);
      EXPECT_EQ(crc32c(view, seed), crc32c_table(view, seed)) << size;
    }
  }
}

TEST(Crc32c, PiecesChainToTheWhole) {
  const std::string bytes = random_bytes(8'000, 2);
  const uint32_t whole = crc32c(bytes, 77);
  for (size_t cut = 0; cut <= bytes.size(); cut += 613) {
    const ByteView view(bytes);
    EXPECT_EQ(crc32c(view.substr(cut), crc32c(view.substr(0, cut), 77)), whole);
  }
}

TEST(Crc32c, EverySingleBitFlipIsSeen) {
  std::string bytes = random_bytes(64, 3);
  const uint32_t good = crc32c(bytes);
  for (size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << (bit % 8)));
    EXPECT_NE(crc32c(bytes), good);
    bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << (bit % 8)));
  }
}

}  // namespace
}  // namespace posthorn::wire

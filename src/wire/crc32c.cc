// CRC-32C by the SSE4.2 instruction in three interleaved streams (its latency is three cycles, its
// throughput one), or by eight tables.
#include "wire/crc32c.h"

#include <array>
#include <cstddef>

namespace posthorn::wire {
namespace {

constexpr uint32_t kPolynomial = 0x82F63B78u;  // reflected
// Per stream of the interleaved loop: for large blocks, and for what most payloads have.
constexpr size_t kLongStream = 1024;
constexpr size_t kShortStream = 256;

using Table = std::array<uint32_t, 256>;

constexpr std::array<Table, 8> make_tables() {
  std::array<Table, 8> tables{};
  for (uint32_t byte = 0; byte < 256; ++byte) {
    uint32_t crc = byte;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? kPolynomial : 0);
    tables[0][byte] = crc;
  }
  for (size_t k = 1; k < 8; ++k) {
    for (size_t byte = 0; byte < 256; ++byte) {
      const uint32_t below = tables[k - 1][byte];
      tables[k][byte] = (below >> 8) ^ tables[0][below & 0xFF];
    }
  }
  return tables;
}
constexpr std::array<Table, 8> kTables = make_tables();

// The effect of `stream_bytes` zero bytes on a CRC, as four table look-ups.
constexpr uint32_t feed_zeros(uint32_t crc, size_t count) {
  for (size_t i = 0; i < count; ++i) crc = (crc >> 8) ^ kTables[0][crc & 0xFF];
  return crc;
}
constexpr std::array<Table, 4> make_shift(size_t stream_bytes) {
  // The map is linear: 32 basis vectors give the tables without feeding zeros 1,024 times over.
  std::array<uint32_t, 32> basis{};
  for (size_t bit = 0; bit < 32; ++bit) basis[bit] = feed_zeros(1u << bit, stream_bytes);
  std::array<Table, 4> shift{};
  for (size_t part = 0; part < 4; ++part) {
    for (size_t byte = 0; byte < 256; ++byte) {
      uint32_t crc = 0;
      for (size_t bit = 0; bit < 8; ++bit) {
        if ((byte >> bit & 1) != 0) crc ^= basis[part * 8 + bit];
      }
      shift[part][byte] = crc;
    }
  }
  return shift;
}

uint32_t table_rounds(uint32_t crc, const char* at, size_t left) {
  for (; left >= 8; at += 8, left -= 8) {
    const uint64_t word = load_le<uint64_t>(at) ^ crc;
    crc = kTables[7][word & 0xFF] ^ kTables[6][word >> 8 & 0xFF] ^ kTables[5][word >> 16 & 0xFF] ^
          kTables[4][word >> 24 & 0xFF] ^ kTables[3][word >> 32 & 0xFF] ^
          kTables[2][word >> 40 & 0xFF] ^ kTables[1][word >> 48 & 0xFF] ^ kTables[0][word >> 56];
  }
  for (; left > 0; ++at, --left) {
    crc = (crc >> 8) ^ kTables[0][(crc ^ static_cast<uint8_t>(*at)) & 0xFF];
  }
  return crc;
}

#if defined(__x86_64__)
template <size_t kStreamBytes>
uint32_t shift_stream(uint32_t crc) {
  static constexpr std::array<Table, 4> kShift = make_shift(kStreamBytes);
  return kShift[0][crc & 0xFF] ^ kShift[1][crc >> 8 & 0xFF] ^ kShift[2][crc >> 16 & 0xFF] ^
         kShift[3][crc >> 24];
}

// Takes as many triples of streams as there are.
template <size_t kStreamBytes>
__attribute__((target("sse4.2"))) uint64_t interleaved(uint64_t first, const char*& at,
                                                       size_t& left) {
  for (; left >= 3 * kStreamBytes; at += 3 * kStreamBytes, left -= 3 * kStreamBytes) {
    uint64_t second = 0;
    uint64_t third = 0;
    for (size_t i = 0; i < kStreamBytes; i += 8) {
      first = __builtin_ia32_crc32di(first, load_le<uint64_t>(at + i));
      second = __builtin_ia32_crc32di(second, load_le<uint64_t>(at + kStreamBytes + i));
      third = __builtin_ia32_crc32di(third, load_le<uint64_t>(at + 2 * kStreamBytes + i));
    }
    first = shift_stream<kStreamBytes>(static_cast<uint32_t>(first)) ^ second;
    first = shift_stream<kStreamBytes>(static_cast<uint32_t>(first)) ^ third;
  }
  return first;
}

__attribute__((target("sse4.2"))) uint32_t hardware_rounds(uint32_t crc, const char* at,
                                                           size_t left) {
  uint64_t first = interleaved<kLongStream>(crc, at, left);
  first = interleaved<kShortStream>(first, at, left);
  for (; left >= 8; at += 8, left -= 8) {
    first = __builtin_ia32_crc32di(first, load_le<uint64_t>(at));
  }
  auto tail = static_cast<uint32_t>(first);
  for (; left > 0; ++at, --left) tail = __builtin_ia32_crc32qi(tail, static_cast<uint8_t>(*at));
  return tail;
}
#endif

}  // namespace

uint32_t crc32c_table(ByteView bytes, uint32_t seed) {
  return ~table_rounds(~seed, bytes.data(), bytes.size());
}

uint32_t crc32c(ByteView bytes, uint32_t seed) {
#if defined(__x86_64__)
  static const bool kHardware = __builtin_cpu_supports("sse4.2") != 0;
  if (kHardware) return ~hardware_rounds(~seed, bytes.data(), bytes.size());
#endif
  return crc32c_table(bytes, seed);
}

}  // namespace posthorn::wire

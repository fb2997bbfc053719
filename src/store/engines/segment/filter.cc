// pure: hashing of filter keys and bits within a line.
#include "store/engines/segment/filter.h"

#include <algorithm>

namespace posthorn::store::segment {
namespace {

constexpr uint64_t kLineBits = kFilterLineBytes * 8;

// The finalizer of splitmix64: every input bit changes every output bit.
uint64_t mix(uint64_t z) {
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
  return z ^ (z >> 31);
}

// Nine bits a probe: seven probes come out of one word.
constexpr int kBitsPerProbe = 9;
constexpr uint8_t kProbesPerWord = 7;
static_assert(kLineBits == 1u << kBitsPerProbe);

// Calls visit(word index, mask) for every probe until it answers false.
template <typename Visit>
bool each_probe(const FilterHash& hash, const FilterShape& shape, uint8_t layer, Visit visit) {
  uint64_t word = 0;
  for (uint8_t probe = 0; probe < shape.probes; ++probe) {
    if (probe % kProbesPerWord == 0) {
      word = mix(hash.bits + (layer * 4 + probe / kProbesPerWord + 1) * 0x9E3779B97F4A7C15ull);
    }
    const uint64_t bit = word & (kLineBits - 1);
    word >>= kBitsPerProbe;
    if (!visit(bit / 64, uint64_t{1} << (bit % 64))) return false;
  }
  return true;
}

uint64_t load_be(const char* from) { return __builtin_bswap64(load_le<uint64_t>(from)); }

}  // namespace

uint64_t filter_lines(const FilterShape& shape, uint64_t keys) {
  return std::max<uint64_t>((keys * shape.bits_per_key + kLineBits - 1) / kLineBits, 1);
}

FilterHash filter_hash(ByteView key) {
  FilterHash hash{load_be(key.data()), 0};
  hash.bits = hash.place;
  for (size_t at = 8; at < key.size(); at += 8) {
    char word[8] = {};
    key.copy(word, 8, at);
    hash.bits = mix(hash.bits) ^ load_le<uint64_t>(word);
  }
  hash.bits = mix(hash.bits);
  return hash;
}

uint64_t filter_line_of(const FilterHash& hash, uint64_t lines) {
  return static_cast<uint64_t>((static_cast<unsigned __int128>(hash.place) * lines) >> 64);
}

void filter_add(FilterLine& line, const FilterHash& hash, const FilterShape& shape, uint8_t layer) {
  each_probe(hash, shape, layer, [&](uint64_t word, uint64_t mask) {
    line[word] |= mask;
    return true;
  });
}

bool filter_may_contain(const FilterLine& line, const FilterHash& hash, const FilterShape& shape,
                        uint8_t layer) {
  return each_probe(hash, shape, layer,
                    [&](uint64_t word, uint64_t mask) { return (line[word] & mask) != 0; });
}

}  // namespace posthorn::store::segment

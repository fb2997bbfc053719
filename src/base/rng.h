// pure: a small seeded generator (xoshiro256**). The seed is a parameter; io/entropy.h gives one.
#pragma once
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <span>

namespace posthorn {

class Rng {
 public:
  explicit Rng(uint64_t seed) {
    // splitmix64 spreads a small seed over the whole state.
    for (uint64_t& word : state_) {
      seed += 0x9E3779B97F4A7C15ull;
      uint64_t z = seed;
      z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
      z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
      word = z ^ (z >> 31);
    }
  }

  uint64_t next() {
    const uint64_t result = rotate(state_[1] * 5, 7) * 9;
    const uint64_t t = state_[1] << 17;
    state_[2] ^= state_[0];
    state_[3] ^= state_[1];
    state_[1] ^= state_[2];
    state_[0] ^= state_[3];
    state_[2] ^= t;
    state_[3] = rotate(state_[3], 45);
    return result;
  }
  // Uniform in [0, bound); bound > 0. The bias of the multiply-shift is below 2^-32 for small
  // bounds.
  uint64_t below(uint64_t bound) {
    return static_cast<uint64_t>((static_cast<unsigned __int128>(next()) * bound) >> 64);
  }
  // Uniform in [0, 1).
  double unit() { return static_cast<double>(next() >> 11) * 0x1.0p-53; }
  void fill(std::span<uint8_t> out) {
    for (size_t at = 0; at < out.size(); at += 8) {
      const uint64_t word = next();
      std::memcpy(out.data() + at, &word, std::min<size_t>(8, out.size() - at));
    }
  }

 private:
  static uint64_t rotate(uint64_t x, int k) { return (x << k) | (x >> (64 - k)); }
  uint64_t state_[4];
};

}  // namespace posthorn

// Randomness as a parameter: secrets, ids and seeds come from here.
#pragma once
#include <cstdint>
#include <span>

namespace posthorn::io {

// Thread-safe. The real form is the kernel's generator; the simulated one is seeded.
class Entropy {
 public:
  virtual ~Entropy() = default;
  virtual void fill(std::span<uint8_t> out) = 0;
  uint64_t word() {
    uint64_t value = 0;
    fill({reinterpret_cast<uint8_t*>(&value), sizeof value});
    return value;
  }
};

}  // namespace posthorn::io

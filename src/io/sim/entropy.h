// Random bytes from the seed of the simulation.
#pragma once
#include "base/rng.h"
#include "io/entropy.h"

namespace posthorn::io::sim {

class SimEntropy final : public Entropy {
 public:
  explicit SimEntropy(uint64_t seed) : rng_(seed) {}
  void fill(std::span<uint8_t> out) override { rng_.fill(out); }

 private:
  Rng rng_;
};

}  // namespace posthorn::io::sim

// The kernel's random generator.
#pragma once
#include "io/entropy.h"

namespace posthorn::io {

class LinuxEntropy final : public Entropy {
 public:
  void fill(std::span<uint8_t> out) override;
};

}  // namespace posthorn::io

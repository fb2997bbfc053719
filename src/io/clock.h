// Time as a parameter: only io/ reads the machine's clocks.
#pragma once
#include "base/units.h"

namespace posthorn::io {

// Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual MonoTime now() const = 0;
  virtual WallTime wall() const = 0;
};

}  // namespace posthorn::io

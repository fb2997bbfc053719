// The machine's clocks.
#pragma once
#include "io/clock.h"

namespace posthorn::io {

class LinuxClock final : public Clock {
 public:
  MonoTime now() const override;
  WallTime wall() const override;
};

}  // namespace posthorn::io

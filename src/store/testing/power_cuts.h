// Repeats a test with a power cut after each call that changes the disk, and with each thing that
// a power cut may leave of what was not synced.
#pragma once
#include <gtest/gtest.h>

#include <functional>

#include "io/sim/storage.h"
#include "io/sim/world.h"

namespace posthorn::store::testing {

struct PowerCutTest {
  std::function<void(io::Disk&)> prepare;  // before any cut
  std::function<void(io::Disk&)> act;      // ends early when calls fail
  std::function<void(io::Disk&)> check;    // after the power is back
};

// Answers how many cuts there were; stops at the first failed check.
inline uint64_t for_every_power_cut(const PowerCutTest& test) {
  uint64_t cuts = 0;
  for (const auto how :
       {io::sim::PowerCut::kDrop, io::sim::PowerCut::kKeep, io::sim::PowerCut::kTear}) {
    for (uint64_t cut = 0;; ++cut) {
      io::sim::World world(cut + 1);
      test.prepare(world.disk());
      world.storage().cut_power_after(cut);
      test.act(world.disk());
      if (world.storage().powered()) break;  // the test ended before the cut
      world.storage().reboot(how);
      test.check(world.disk());
      ++cuts;
      if (::testing::Test::HasFailure()) {
        ADD_FAILURE() << "power cut after change " << cut << ", kind " << static_cast<int>(how);
        return cuts;
      }
    }
  }
  return cuts;
}

}  // namespace posthorn::store::testing

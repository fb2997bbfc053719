// Stores as they lie on the disk, and what they must say: for tests that damage them, one place at
// a time. The disk is put into a new machine for each round, which costs next to nothing.
#pragma once
#include <functional>
#include <string>
#include <vector>

#include "store/conformance/model_twin.h"
#include "store/conformance/store_driver.h"
#include "store/testing/disk_files.h"

namespace posthorn::store::testing {

inline const std::string kSampleRoot = "/data";

struct StoredSample {
  io::sim::FolderTree disk;
  Files files;  // of the same, by path below kSampleRoot
  ModelTwin twin;
  StoreLimits limits;

  std::vector<std::string> paths_with(std::string_view suffix) const;
  // A machine that has the disk, with a driver that is not opened yet.
  struct Machine {
    explicit Machine(const StoredSample& sample);
    io::sim::World world;
    StoreDriver driver;
  };
};

// Each is made once. Closed in order, a random load behind it: many segments of 12 KiB with merged
// indexes; and two sealed ones of 64 KiB.
const StoredSample& store_of_small_segments();
const StoredSample& store_of_whole_segments();
// Killed: its newest checkpoint lies behind, the log is one segment of 64 KiB that is not full.
const StoredSample& killed_store();

// POSTHORN_FULL=1: every place is tried instead of a sample.
bool full_run();

// A place of a file, with the bit of it to be flipped.
struct Place {
  std::string path;  // below kSampleRoot
  uint64_t offset = 0;
  uint8_t mask = 0;
};
struct Sampling {
  size_t count = 0;    // of places, about; evenly apart, seeded
  uint32_t share = 0;  // of `shares` that take turns: a full run is spread over processes
  uint32_t shares = 1;
  bool always = false;  // sampled in a full run too
};
// Calls `visit` with places of the files one after another, until a check fails.
void for_places(const StoredSample& sample, const std::vector<std::string>& paths,
                const Sampling& sampling, const std::function<void(const Place&)>& visit);

}  // namespace posthorn::store::testing

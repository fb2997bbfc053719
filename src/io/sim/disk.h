// The disk that the program under test sees in simulation.
#pragma once
#include <memory>

#include "io/disk.h"

namespace posthorn::io::sim {

class Storage;

// `storage` must outlive it.
std::unique_ptr<Disk> make_sim_disk(Storage& storage);

}  // namespace posthorn::io::sim

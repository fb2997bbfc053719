// The file system of the machine.
#pragma once
#include <memory>

#include "io/disk.h"

namespace posthorn::io {

std::unique_ptr<Disk> make_linux_disk();

}  // namespace posthorn::io

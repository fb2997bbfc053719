// The descriptor limit of the process. Called by app/ at start, before any loop is made.
#pragma once
#include <cstddef>

#include "base/result.h"

namespace posthorn::io {

// Raises the limit of open files to what the system allows and returns it.
Result<size_t> raise_open_files();

// Sockets use descriptors below this number only; the rest is for files and administration. Read
// once by each loop when it is made.
size_t socket_descriptor_limit();

// Cores that this process may run on (its affinity mask).
size_t usable_cores();

}  // namespace posthorn::io

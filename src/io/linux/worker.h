// A thread that runs tasks in order.
#pragma once
#include <memory>
#include <string>

#include "io/worker.h"

namespace posthorn::io {

// `name` (at most 15 bytes are kept) is what the system's tools show.
std::unique_ptr<Worker> make_linux_worker(const std::string& name, size_t capacity);

}  // namespace posthorn::io

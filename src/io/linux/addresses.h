// The addresses of this machine. Called by app/ at start.
#pragma once
#include <vector>

#include "base/ip.h"
#include "base/result.h"

namespace posthorn::io {

// Of every interface that is there now, up or down.
Result<std::vector<IpAddress>> own_addresses();

}  // namespace posthorn::io

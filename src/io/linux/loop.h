// The event loop of the machine. Made by the host.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "base/ip.h"
#include "io/loop.h"

namespace posthorn::io {

struct ResolverOptions {
  std::vector<SocketAddress> servers;  // empty: those of the system's resolv.conf
  milliseconds try_timeout{2000};      // of one question to one server
  int tries = 3;
};

std::unique_ptr<Loop> make_linux_loop(const Clock& clock, const ResolverOptions& resolver);

}  // namespace posthorn::io

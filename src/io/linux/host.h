// The real machine. Built by app/main.cc and by tests that need real sockets and files.
#pragma once
#include <memory>

#include "io/host.h"
#include "io/linux/loop.h"

namespace posthorn::io {

struct LinuxHostOptions {
  ResolverOptions resolver;
};

std::unique_ptr<Host> make_linux_host(const LinuxHostOptions& options = {});

}  // namespace posthorn::io

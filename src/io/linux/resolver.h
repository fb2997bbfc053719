// DNS with c-ares on a reactor. Made by the loop.
#pragma once
#include <memory>

#include "io/linux/loop.h"
#include "io/resolver.h"

namespace posthorn::io {

class Reactor;

std::unique_ptr<Resolver> make_linux_resolver(Reactor& reactor, TimerWheel& timers,
                                              const Clock& clock, const ResolverOptions& options);

}  // namespace posthorn::io

// One TCP connection on a reactor. Private to io/linux; net.cc makes them.
#pragma once
#include "io/linux/descriptor.h"
#include "io/linux/reactor.h"
#include "io/net.h"

namespace posthorn::io {

// `socket` is connected and does not block.
Result<std::unique_ptr<Stream>> make_stream(Reactor& reactor, Descriptor socket,
                                            const SocketAddress& peer);

}  // namespace posthorn::io

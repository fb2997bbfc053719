// SocketAddress to and from the system's form.
#pragma once
#include <sys/socket.h>

#include "base/ip.h"

namespace posthorn::io {

struct SystemAddress {
  sockaddr_storage storage{};
  socklen_t length = sizeof(sockaddr_storage);
  sockaddr* raw() { return reinterpret_cast<sockaddr*>(&storage); }
  const sockaddr* raw() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

SystemAddress system_address(const SocketAddress& from);
// The unspecified address for other families.
SocketAddress socket_address(const SystemAddress& from);

// getsockname and getpeername; the unspecified address when they fail.
SocketAddress local_address(int fd);
SocketAddress peer_address(int fd);

}  // namespace posthorn::io

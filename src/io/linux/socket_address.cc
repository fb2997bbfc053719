// SocketAddress to and from the system's form.
#include "io/linux/socket_address.h"

#include <netinet/in.h>

#include <cstring>

namespace posthorn::io {

SystemAddress system_address(const SocketAddress& from) {
  SystemAddress to;
  if (from.ip.v6) {
    sockaddr_in6 v6{};
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(from.port);
    std::memcpy(&v6.sin6_addr, from.ip.bytes.data(), 16);
    std::memcpy(&to.storage, &v6, sizeof v6);
    to.length = sizeof v6;
  } else {
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    v4.sin_port = htons(from.port);
    std::memcpy(&v4.sin_addr, from.ip.bytes.data(), 4);
    std::memcpy(&to.storage, &v4, sizeof v4);
    to.length = sizeof v4;
  }
  return to;
}

SocketAddress socket_address(const SystemAddress& from) {
  SocketAddress to;
  if (from.storage.ss_family == AF_INET6) {
    sockaddr_in6 v6{};
    std::memcpy(&v6, &from.storage, sizeof v6);
    to.ip.v6 = true;
    std::memcpy(to.ip.bytes.data(), &v6.sin6_addr, 16);
    to.port = ntohs(v6.sin6_port);
  } else if (from.storage.ss_family == AF_INET) {
    sockaddr_in v4{};
    std::memcpy(&v4, &from.storage, sizeof v4);
    std::memcpy(to.ip.bytes.data(), &v4.sin_addr, 4);
    to.port = ntohs(v4.sin_port);
  }
  return to;
}

SocketAddress local_address(int fd) {
  SystemAddress address;
  if (::getsockname(fd, address.raw(), &address.length) != 0) return {};
  return socket_address(address);
}

SocketAddress peer_address(int fd) {
  SystemAddress address;
  if (::getpeername(fd, address.raw(), &address.length) != 0) return {};
  return socket_address(address);
}

}  // namespace posthorn::io

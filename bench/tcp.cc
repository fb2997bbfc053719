// Sockets on loopback; the only place of the benchmark that opens any.
#include "tcp.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "die.h"

namespace posthorn::bench {
namespace {

constexpr int kConnectTimeoutMs = 2000;

sockaddr_in loopback(uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

void set_option(int fd, int level, int name) {
  const int on = 1;
  if (setsockopt(fd, level, name, &on, sizeof on) != 0) die_errno("setsockopt");
}

bool connected_in_time(int fd) {
  pollfd wait{fd, POLLOUT, 0};
  if (poll(&wait, 1, kConnectTimeoutMs) != 1) return false;
  int error = 0;
  socklen_t size = sizeof error;
  return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0 && error == 0;
}

}  // namespace

int listen_on_loopback(uint16_t port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) die_errno("socket");
  set_option(fd, SOL_SOCKET, SO_REUSEADDR);
  const sockaddr_in address = loopback(port);
  if (bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) die_errno("bind");
  if (listen(fd, 4096) != 0) die_errno("listen");
  return fd;
}

int accept_ready(int listener) {
  const int fd = accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (fd < 0) {
    if (errno == EMFILE || errno == ENFILE) die_errno("accept");
    return -1;
  }
  set_option(fd, IPPROTO_TCP, TCP_NODELAY);
  return fd;
}

int connect_to_loopback(uint16_t port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) die_errno("socket");
  const sockaddr_in address = loopback(port);
  const int rc = connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address);
  if (rc != 0 && (errno != EINPROGRESS || !connected_in_time(fd))) {
    close(fd);
    return -1;
  }
  set_option(fd, IPPROTO_TCP, TCP_NODELAY);
  return fd;
}

void raise_open_files_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) die_errno("getrlimit");
  limit.rlim_cur = limit.rlim_max;
  if (setrlimit(RLIMIT_NOFILE, &limit) != 0) die_errno("setrlimit");
}

}  // namespace posthorn::bench

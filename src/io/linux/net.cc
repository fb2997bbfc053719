// Listening and connecting. Sockets leave the reserve of descriptors alone: a connect in it is
// refused, a listener pauses and looks again a moment later.
#include "io/linux/net.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cerrno>

#include "io/clock.h"
#include "io/linux/descriptor.h"
#include "io/linux/fd_watch.h"
#include "io/linux/limits.h"
#include "io/linux/os_error.h"
#include "io/linux/socket_address.h"
#include "io/linux/stream.h"
#include "io/timer.h"

namespace posthorn::io {
namespace {

constexpr int kAcceptsPerTurn = 64;
constexpr milliseconds kDescriptorsCheck{100};

// What every part of the net needs.
struct Context {
  Reactor& reactor;
  TimerWheel& timers;
  const Clock& clock;
  const int descriptor_limit;
};

void set_option(int fd, int level, int name) {
  const int on = 1;
  ::setsockopt(fd, level, name, &on, sizeof on);
}

Descriptor open_socket(const SocketAddress& to) {
  return Descriptor(::socket(to.ip.v6 ? AF_INET6 : AF_INET,
                             SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP));
}

// An error of accept4 that belongs to one connection, not to the listener.
bool gone_already(int error_number) {
  return error_number == ECONNABORTED || error_number == EINTR || error_number == EPROTO ||
         error_number == EPERM;
}

class LinuxListener final : public Listener {
 public:
  LinuxListener(const Context& context, Descriptor fd, Net::OnAccept on_accept)
      : context_(context),
        fd_(std::move(fd)),
        address_(local_address(fd_.get())),
        on_accept_(std::make_shared<Net::OnAccept>(std::move(on_accept))),
        watch_(context.reactor, fd_.get()),
        look_again_(context.timers, [this] { look_for_descriptors(); }) {
    watch();
  }

  SocketAddress address() const override { return address_; }
  void pause() override {
    paused_ = true;
    watch_.cancel();
    look_again_.cancel();
  }
  void resume() override {
    if (!std::exchange(paused_, false)) return;
    watch();
  }

 private:
  void watch() {
    watch_.wait(FdWatch::Event::kReadable, [this] { accept_waiting(); });
  }

  void accept_waiting() {
    // The callback may destroy this listener.
    const std::shared_ptr<Net::OnAccept> on_accept = on_accept_;
    for (int i = 0; i < kAcceptsPerTurn && !paused_; ++i) {
      SystemAddress peer;
      Descriptor fd(::accept4(fd_.get(), peer.raw(), &peer.length, SOCK_NONBLOCK | SOCK_CLOEXEC));
      if (!fd.valid()) {
        if (errno == EAGAIN || errno == EWOULDBLOCK) break;
        if (gone_already(errno)) continue;
        return wait_for_descriptors();
      }
      const bool in_reserve = fd.get() >= context_.descriptor_limit;
      set_option(fd.get(), IPPROTO_TCP, TCP_NODELAY);
      auto stream = make_stream(context_.reactor, std::move(fd), socket_address(peer));
      if (stream.ok()) (*on_accept)(std::move(stream).value());
      if (on_accept.use_count() == 1) return;
      if (in_reserve) return wait_for_descriptors();
    }
    if (!paused_) watch();
  }

  void wait_for_descriptors() { look_again_.arm_at(context_.clock.now() + kDescriptorsCheck); }

  void look_for_descriptors() {
    // The system gives out the lowest free number.
    const Descriptor probe(::dup(fd_.get()));
    if (!probe.valid() || probe.get() >= context_.descriptor_limit) return wait_for_descriptors();
    watch();
  }

  const Context& context_;
  const Descriptor fd_;
  const SocketAddress address_;
  const std::shared_ptr<Net::OnAccept> on_accept_;
  FdWatch watch_;
  Timer look_again_;
  bool paused_ = false;
};

// A connect under way.
class LinuxConnecting final : public Connecting, private Reactor::Source {
 public:
  LinuxConnecting(const Context& context, const SocketAddress& to, Net::OnConnect on_connect)
      : Source(context.reactor),
        descriptor_limit_(context.descriptor_limit),
        to_(to),
        on_connect_(std::move(on_connect)) {}
  LinuxConnecting(const LinuxConnecting&) = delete;
  LinuxConnecting& operator=(const LinuxConnecting&) = delete;
  ~LinuxConnecting() override = default;

  void start(const ConnectOptions& options) {
    Status started = begin(options);
    if (started.ok()) return;
    failure_ = std::move(started).error();
    again();
  }

 private:
  Status begin(const ConnectOptions& options) {
    socket_ = open_socket(to_);
    if (!socket_.valid()) return os_error(errno, "open a socket to", to_.text());
    if (socket_.get() >= descriptor_limit_) {
      return error(Errc::kOverloaded, "no descriptors left for a connection to " + to_.text());
    }
    set_option(socket_.get(), IPPROTO_TCP, TCP_NODELAY);
    if (options.source) {
      const SystemAddress source = system_address({*options.source, 0});
      if (::bind(socket_.get(), source.raw(), source.length) != 0) {
        return os_error(errno, "bind to", options.source->text());
      }
    }
    const SystemAddress system = system_address(to_);
    if (::connect(socket_.get(), system.raw(), system.length) != 0 && errno != EINPROGRESS) {
      return os_error(errno, "connect to", to_.text());
    }
    return watch(socket_.get(), EPOLLOUT | EPOLLET);  // also says that it has connected already
  }

  // The callback may destroy this.
  void ready(uint32_t /*events*/) override {
    Net::OnConnect on_connect = std::move(on_connect_);
    on_connect_ = nullptr;
    if (!on_connect) return;
    if (failure_) return on_connect(std::move(*failure_));
    int error_number = 0;
    socklen_t length = sizeof error_number;
    ::getsockopt(socket_.get(), SOL_SOCKET, SO_ERROR, &error_number, &length);
    if (error_number != 0) return on_connect(os_error(error_number, "connect to", to_.text()));
    unwatch(socket_.get());
    const SocketAddress peer = peer_address(socket_.get());
    on_connect(make_stream(reactor(), std::move(socket_), peer));
  }

  const int descriptor_limit_;
  const SocketAddress to_;
  Net::OnConnect on_connect_;
  std::optional<Error> failure_;
  Descriptor socket_;
};

// With SO_REUSEPORT another process of the same user could join the listeners of a port, and take
// a part of the connections. A socket without it cannot be bound while anyone listens.
Status check_unused(const SocketAddress& at) {
  const Descriptor fd = open_socket(at);
  if (!fd.valid()) return os_error(errno, "open a socket for", at.text());
  set_option(fd.get(), SOL_SOCKET, SO_REUSEADDR);
  const SystemAddress system = system_address(at);
  if (::bind(fd.get(), system.raw(), system.length) != 0) {
    return os_error(errno, "listen on", at.text());
  }
  return {};
}

class LinuxNet final : public Net {
 public:
  explicit LinuxNet(const Context& context) : context_(context) {}

  Result<std::unique_ptr<Listener>> listen(const SocketAddress& at, const ListenOptions& options,
                                           OnAccept on_accept) override {
    if (options.reuse_port && options.first && at.port != 0) PH_TRY(check_unused(at));
    Descriptor fd = open_socket(at);
    if (!fd.valid()) return os_error(errno, "open a socket for", at.text());
    set_option(fd.get(), SOL_SOCKET, SO_REUSEADDR);
    if (options.reuse_port) set_option(fd.get(), SOL_SOCKET, SO_REUSEPORT);
    const SystemAddress system = system_address(at);
    if (::bind(fd.get(), system.raw(), system.length) != 0 ||
        ::listen(fd.get(), options.backlog) != 0) {
      return os_error(errno, "listen on", at.text());
    }
    return std::unique_ptr<Listener>(
        std::make_unique<LinuxListener>(context_, std::move(fd), std::move(on_accept)));
  }

  std::unique_ptr<Connecting> connect(const SocketAddress& to, const ConnectOptions& options,
                                      OnConnect on_connect) override {
    auto connecting = std::make_unique<LinuxConnecting>(context_, to, std::move(on_connect));
    connecting->start(options);
    return connecting;
  }

 private:
  const Context context_;
};

}  // namespace

std::unique_ptr<Net> make_linux_net(Reactor& reactor, TimerWheel& timers, const Clock& clock) {
  return std::make_unique<LinuxNet>(
      Context{reactor, timers, clock, static_cast<int>(socket_descriptor_limit())});
}

}  // namespace posthorn::io

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

using Tcp = boost::asio::ip::tcp;

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

Tcp protocol(const SocketAddress& of) { return of.ip.v6 ? Tcp::v6() : Tcp::v4(); }

std::unique_ptr<Stream> adopt(const Context& context, Descriptor fd, const SocketAddress& peer) {
  set_option(fd.get(), IPPROTO_TCP, TCP_NODELAY);
  TcpSocket socket(context.reactor.context());
  boost::system::error_code failure;
  socket.assign(protocol(peer), fd.get(), failure);
  if (failure) return nullptr;
  fd.release();
  return make_stream(context.reactor, std::move(socket), peer);
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
      auto stream = adopt(context_, std::move(fd), socket_address(peer));
      if (stream) (*on_accept)(std::move(stream));
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

// A connect under way, held by Asio's handler until it has run.
class Dial : public boost::intrusive_ref_counter<Dial, boost::thread_unsafe_counter> {
 public:
  Dial(const Context& context, const SocketAddress& to, Net::OnConnect on_connect)
      : context_(context),
        socket_(context.reactor.context()),
        to_(to),
        on_connect_(std::move(on_connect)) {}

  void start(const ConnectOptions& options) {
    if (const Status ready = prepare(options); !ready.ok()) {
      context_.reactor.post([self = Self(this), failure = ready.error()]() mutable {
        self->finish(std::move(failure));
      });
      return;
    }
    const SystemAddress system = system_address(to_);
    Tcp::endpoint endpoint;
    std::memcpy(endpoint.data(), system.raw(), system.length);
    socket_.async_connect(endpoint, [self = Self(this)](const boost::system::error_code& failure) {
      if (!self->on_connect_) return;
      const Reactor::Turn turn(self->context_.reactor);
      self->connected(failure);
    });
  }

  void cancel() {
    const Net::OnConnect dropped = std::move(on_connect_);
    on_connect_ = nullptr;
    boost::system::error_code ignored;
    socket_.close(ignored);
  }

 private:
  using Self = boost::intrusive_ptr<Dial>;

  Status prepare(const ConnectOptions& options) {
    Descriptor fd(::socket(to_.ip.v6 ? AF_INET6 : AF_INET,
                           SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP));
    if (!fd.valid()) return os_error(errno, "open a socket to", to_.text());
    if (fd.get() >= context_.descriptor_limit) {
      return error(Errc::kOverloaded, "no descriptors left for a connection to " + to_.text());
    }
    set_option(fd.get(), IPPROTO_TCP, TCP_NODELAY);
    if (options.source) {
      const SystemAddress source = system_address({*options.source, 0});
      if (::bind(fd.get(), source.raw(), source.length) != 0) {
        return os_error(errno, "bind to", options.source->text());
      }
    }
    boost::system::error_code failure;
    socket_.assign(protocol(to_), fd.get(), failure);
    if (failure) return os_error(failure.value(), "watch a socket to", to_.text());
    fd.release();
    return {};
  }

  void connected(const boost::system::error_code& failure) {
    if (failure) return finish(os_error(failure.value(), "connect to", to_.text()));
    const SocketAddress peer = peer_address(socket_.native_handle());
    finish(make_stream(context_.reactor, std::move(socket_), peer));
  }

  void finish(Result<std::unique_ptr<Stream>> result) {
    Net::OnConnect on_connect = std::move(on_connect_);
    on_connect_ = nullptr;
    if (on_connect) on_connect(std::move(result));
  }

  const Context& context_;
  TcpSocket socket_;
  const SocketAddress to_;
  Net::OnConnect on_connect_;
};

class LinuxConnecting final : public Connecting {
 public:
  explicit LinuxConnecting(boost::intrusive_ptr<Dial> dial) : dial_(std::move(dial)) {}
  LinuxConnecting(const LinuxConnecting&) = delete;
  LinuxConnecting& operator=(const LinuxConnecting&) = delete;
  ~LinuxConnecting() override { dial_->cancel(); }

 private:
  const boost::intrusive_ptr<Dial> dial_;
};

// With SO_REUSEPORT another process of the same user could join the listeners of a port, and take
// a part of the connections. A socket without it cannot be bound while anyone listens.
Status check_unused(const SocketAddress& at) {
  const Descriptor fd(::socket(at.ip.v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
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
    Descriptor fd(::socket(at.ip.v6 ? AF_INET6 : AF_INET,
                           SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP));
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
    const boost::intrusive_ptr<Dial> dial(new Dial(context_, to, std::move(on_connect)));
    dial->start(options);
    return std::make_unique<LinuxConnecting>(dial);
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

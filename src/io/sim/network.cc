// Listening and connecting in simulation.
#include "io/sim/network.h"

#include <deque>

#include "io/sim/connection.h"
#include "io/sim/loop.h"

namespace posthorn::io::sim {

constexpr seconds kConnectAgain{1};  // TCP repeats what no answer came to

// Where connections to an address wait until the owner takes them.
class SimListener : public std::enable_shared_from_this<SimListener> {
 public:
  SimListener(SimLoop& loop, int backlog, Net::OnAccept on_accept)
      : loop_(loop), backlog_(static_cast<size_t>(backlog)), on_accept_(std::move(on_accept)) {}

  // False when the backlog is full: the connect is not answered.
  bool arrive(std::shared_ptr<Connection> connection) {
    if (waiting_.size() >= backlog_) return false;
    waiting_.push_back(std::move(connection));
    accept_later();
    return true;
  }
  void pause() { paused_ = true; }
  void resume() {
    paused_ = false;
    accept_later();
  }
  void close() {
    closed_ = true;
    for (const auto& connection : waiting_) connection->reset();
    waiting_.clear();
  }
  bool closed() const { return closed_; }
  SocketAddress address;

 private:
  void accept_later() {
    loop_.enter_at(loop_.clock().now(), [self = shared_from_this()] { self->accept(); });
  }
  void accept() {
    while (!closed_ && !paused_ && !waiting_.empty()) {
      const std::shared_ptr<Connection> connection = std::move(waiting_.front());
      waiting_.pop_front();
      on_accept_(connection->open(1, loop_));
    }
  }

  SimLoop& loop_;
  const size_t backlog_;
  Net::OnAccept on_accept_;
  std::deque<std::shared_ptr<Connection>> waiting_;
  bool paused_ = false;
  bool closed_ = false;
};

namespace {

class ListenerHandle final : public Listener {
 public:
  explicit ListenerHandle(std::shared_ptr<SimListener> listener) : listener_(std::move(listener)) {}
  ListenerHandle(const ListenerHandle&) = delete;
  ListenerHandle& operator=(const ListenerHandle&) = delete;
  ~ListenerHandle() override { listener_->close(); }
  SocketAddress address() const override { return listener_->address; }
  void pause() override { listener_->pause(); }
  void resume() override { listener_->resume(); }

 private:
  const std::shared_ptr<SimListener> listener_;
};

// A connect under way: a packet there, a packet back.
class Dial : public std::enable_shared_from_this<Dial> {
 public:
  Dial(Network& network, SimLoop& loop, const SocketAddress& from, const SocketAddress& to,
       Net::OnConnect on_connect)
      : network_(network), loop_(loop), from_(from), to_(to), on_connect_(std::move(on_connect)) {}

  void knock() {
    later(delay(), [this] { arrive(); });
  }
  void cancel() {
    const Net::OnConnect dropped = std::move(on_connect_);
    on_connect_ = nullptr;
    if (connection_) connection_->close(0);
  }

 private:
  nanoseconds delay() {
    const Link& link = network_.link(to_);
    return network_.schedule().draw(link.delay_min, link.delay_max);
  }
  void later(nanoseconds delay, Task task) {
    loop_.enter_at(loop_.clock().now() + delay,
                   [self = shared_from_this(), task = std::move(task)]() mutable {
                     if (self->on_connect_) task();
                   });
  }
  void arrive() {
    const Link::Reach reach = network_.link(to_).reach;
    if (reach == Link::Reach::kBlackhole) return later(kConnectAgain, [this] { arrive(); });
    const auto listener = reach == Link::Reach::kRefuse ? nullptr : network_.find_listener(to_);
    if (!listener) {
      return later(delay(), [this] {
        finish(error(Errc::kRefused, "connect to " + to_.text() + ": connection refused"));
      });
    }
    connection_ = network_.make_connection(from_, to_);
    if (!listener->arrive(connection_)) {
      connection_.reset();
      return later(kConnectAgain, [this] { arrive(); });
    }
    later(delay(), [this] {
      const auto connection = std::move(connection_);
      finish(connection->open(0, loop_));
    });
  }
  void finish(Result<std::unique_ptr<Stream>> result) {
    Net::OnConnect on_connect = std::move(on_connect_);
    on_connect_ = nullptr;
    on_connect(std::move(result));
  }

  Network& network_;
  SimLoop& loop_;
  const SocketAddress from_, to_;
  Net::OnConnect on_connect_;
  std::shared_ptr<Connection> connection_;
};

class ConnectingHandle final : public Connecting {
 public:
  explicit ConnectingHandle(std::shared_ptr<Dial> dial) : dial_(std::move(dial)) {}
  ConnectingHandle(const ConnectingHandle&) = delete;
  ConnectingHandle& operator=(const ConnectingHandle&) = delete;
  ~ConnectingHandle() override { dial_->cancel(); }

 private:
  const std::shared_ptr<Dial> dial_;
};

class SimNet final : public Net {
 public:
  SimNet(Network& network, SimLoop& loop) : network_(network), loop_(loop) {}

  Result<std::unique_ptr<Listener>> listen(const SocketAddress& at, const ListenOptions& options,
                                           OnAccept on_accept) override {
    auto listener = std::make_shared<SimListener>(loop_, options.backlog, std::move(on_accept));
    PH_ASSIGN(listener->address, network_.add_listener(at, options, listener));
    return std::unique_ptr<Listener>(std::make_unique<ListenerHandle>(std::move(listener)));
  }

  std::unique_ptr<Connecting> connect(const SocketAddress& to, const ConnectOptions& options,
                                      OnConnect on_connect) override {
    const SocketAddress from{options.source.value_or(IpAddress::v4(127, 0, 0, 1)),
                             network_.next_port()};
    auto dial = std::make_shared<Dial>(network_, loop_, from, to, std::move(on_connect));
    dial->knock();
    return std::make_unique<ConnectingHandle>(std::move(dial));
  }

 private:
  Network& network_;
  SimLoop& loop_;
};

}  // namespace

std::unique_ptr<Net> Network::make_net(SimLoop& loop) {
  return std::make_unique<SimNet>(*this, loop);
}

const Link& Network::link(const SocketAddress& to) const {
  const auto at = links_.find(to);
  return at == links_.end() ? default_ : at->second;
}

Result<SocketAddress> Network::add_listener(const SocketAddress& at, const ListenOptions& options,
                                            std::weak_ptr<SimListener> listener) {
  SocketAddress address = at;
  if (address.port == 0) address.port = next_port();
  forget_closed();
  const auto [from, to] = bound_.equal_range(address);
  for (auto other = from; other != to; ++other) {
    if (options.first || !options.reuse_port || !other->second.reuse_port) {
      return error(Errc::kConflict, "listen on " + address.text() + ": address already in use");
    }
  }
  bound_.emplace(address, Bound{std::move(listener), options.reuse_port});
  return address;
}

void Network::forget_closed() {
  std::erase_if(bound_, [](const auto& entry) {
    const auto listener = entry.second.listener.lock();
    return !listener || listener->closed();
  });
}

std::shared_ptr<SimListener> Network::find_listener(const SocketAddress& at) {
  forget_closed();
  SocketAddress any = at;
  any.ip.bytes = {};
  for (const SocketAddress& address : {at, any}) {
    const size_t count = bound_.count(address);
    if (count == 0) continue;
    // The system spreads connections over the listeners of one port.
    const auto chosen = std::next(bound_.lower_bound(address),
                                  static_cast<ptrdiff_t>(schedule_.rng().below(count)));
    return chosen->second.listener.lock();
  }
  return nullptr;
}

std::shared_ptr<Connection> Network::make_connection(const SocketAddress& from,
                                                     const SocketAddress& to) {
  std::erase_if(connections_, [](const auto& connection) { return connection.expired(); });
  auto connection = std::make_shared<Connection>(*this, from, to);
  connections_.push_back(connection);
  return connection;
}

void Network::reset_connections(const SocketAddress& to) {
  for (const auto& weak : connections_) {
    const auto connection = weak.lock();
    if (connection && connection->to() == to) connection->reset();
  }
}

size_t Network::open_connections() const {
  size_t count = 0;
  for (const auto& weak : connections_) {
    const auto connection = weak.lock();
    if (connection && connection->open()) ++count;
  }
  return count;
}

}  // namespace posthorn::io::sim

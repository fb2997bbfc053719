// The client: connects, pools, and ends every exchange by its deadline.
#include "http/client.h"

#include <unordered_map>

#include "http/client_connection.h"
#include "http/pool_state.h"

namespace posthorn::http {
namespace {

uint32_t micros_since(MonoTime start, MonoTime now) {
  return static_cast<uint32_t>((now - start).count() / 1000);
}

}  // namespace

struct Client::Impl : ClientConnection::Owner, std::enable_shared_from_this<Client::Impl> {
  // A connection with the exchange it carries, from connecting on.
  struct Slot {
    explicit Slot(Impl& impl, ConnectionNumber number)
        : connection(impl, number, impl.limits, impl.loop.clock()),
          deadline(impl.loop.timers(), [&impl, number] { impl.on_deadline(number); }) {}
    std::unique_ptr<io::Connecting> connecting;
    std::unique_ptr<io::TlsHandshake> handshake;
    ClientConnection connection;
    std::unique_ptr<ExchangeState> exchange;
    io::Timer deadline;
    MonoTime armed_for;
    uint64_t ticket = 0;  // of the exchange, so that a late cancel cannot hit the next one
  };

  Impl(io::Loop& l, io::Tls* t, ClientLimits lim)
      : loop(l), tls(t), limits(lim), pool(lim.idle_per_key_max), sweep(l.timers(), [this] {
          close_stale();
        }) {}

  void begin(std::unique_ptr<ExchangeState> state, uint64_t ticket);
  void start_connect(ConnectionNumber number);
  void connected(ConnectionNumber number, Result<std::unique_ptr<io::Stream>> stream);
  void secured(ConnectionNumber number, Result<std::unique_ptr<io::Stream>> stream);
  void opened(ConnectionNumber number, std::unique_ptr<io::Stream> stream);
  void on_deadline(ConnectionNumber number);
  void arm_deadline(Slot& slot);
  void fail(ConnectionNumber number, ExchangeError error, std::string detail);
  void fail_later(std::unique_ptr<ExchangeState> state, uint64_t ticket, std::string detail);
  void cancel(uint64_t ticket);
  void close_stale();
  void drop(ConnectionNumber number);

  void exchange_done(ConnectionNumber number, ExchangeResult result, bool reusable) override;
  void exchange_stale(ConnectionNumber number) override;
  void idle_ended(ConnectionNumber number) override;

  io::Loop& loop;
  io::Tls* tls;
  const ClientLimits limits;
  PoolState pool;
  std::unordered_map<ConnectionNumber, std::unique_ptr<Slot>> slots;
  std::unordered_map<uint64_t, ConnectionNumber> by_ticket;
  ConnectionNumber last_number = 0;
  uint64_t last_ticket = 0;
  io::Timer sweep;
};

class ClientPending : public Pending {
 public:
  ClientPending(std::weak_ptr<Client::Impl> impl, uint64_t ticket)
      : impl_(std::move(impl)), ticket_(ticket) {}
  ClientPending(const ClientPending&) = delete;
  ClientPending& operator=(const ClientPending&) = delete;
  ~ClientPending() override {
    if (const auto impl = impl_.lock()) impl->cancel(ticket_);
  }

 private:
  std::weak_ptr<Client::Impl> impl_;
  uint64_t ticket_;
};

void Client::Impl::begin(std::unique_ptr<ExchangeState> state, uint64_t ticket) {
  const auto idle = state->retried ? std::nullopt : pool.take(state->exchange.key);
  if (idle) {
    Slot& slot = *slots.at(*idle);
    slot.exchange = std::move(state);
    slot.ticket = ticket;
    by_ticket[ticket] = *idle;
    arm_deadline(slot);
    slot.connection.begin(*slot.exchange);
    return;
  }
  if (slots.size() >= limits.connections_max) {
    const auto oldest = pool.oldest();
    if (!oldest) {
      fail_later(std::move(state), ticket, "too many open connections");
      return;
    }
    pool.remove(*oldest);
    drop(*oldest);
  }
  const ConnectionNumber number = ++last_number;
  auto slot = std::make_unique<Slot>(*this, number);
  slot->exchange = std::move(state);
  slot->ticket = ticket;
  by_ticket[ticket] = number;
  arm_deadline(*slot);
  slots[number] = std::move(slot);
  start_connect(number);
}

void Client::Impl::start_connect(ConnectionNumber number) {
  Slot& slot = *slots.at(number);
  slot.connecting = loop.net().connect(slot.exchange->exchange.key.address, {},
                                       [weak = weak_from_this(), number](auto stream) {
                                         const auto impl = weak.lock();
                                         if (impl) impl->connected(number, std::move(stream));
                                       });
}

void Client::Impl::connected(ConnectionNumber number, Result<std::unique_ptr<io::Stream>> stream) {
  if (!slots.contains(number)) return;  // dropped meanwhile
  Slot& slot = *slots.at(number);
  ExchangeState& state = *slot.exchange;
  state.connect_us = micros_since(state.started, loop.clock().now());
  if (!stream.ok()) {
    fail(number, ExchangeError::kConnect, stream.error().message);
    return;
  }
  const SocketAddress peer = (*stream)->peer();
  if (peer != state.exchange.key.address) {
    fail(number, ExchangeError::kConnect, "connected to " + peer.text() + " instead");
    return;
  }
  if (!state.exchange.key.tls) {
    opened(number, *std::move(stream));
    return;
  }
  if (tls == nullptr) {
    fail(number, ExchangeError::kTls, "TLS is not available");
    return;
  }
  slot.handshake = tls->connect(*std::move(stream), state.exchange.server_name,
                                [weak = weak_from_this(), number](auto secure) {
                                  const auto impl = weak.lock();
                                  if (impl) impl->secured(number, std::move(secure));
                                });
}

void Client::Impl::secured(ConnectionNumber number, Result<std::unique_ptr<io::Stream>> stream) {
  if (!slots.contains(number)) return;  // dropped meanwhile
  ExchangeState& state = *slots.at(number)->exchange;
  state.tls_us = micros_since(state.started, loop.clock().now()) - state.connect_us;
  if (!stream.ok())
    fail(number, ExchangeError::kTls, stream.error().message);
  else
    opened(number, *std::move(stream));
}

void Client::Impl::opened(ConnectionNumber number, std::unique_ptr<io::Stream> stream) {
  Slot& slot = *slots.at(number);
  slot.connection.open(slot.exchange->exchange.key, std::move(stream));
  slot.connection.begin(*slot.exchange);
}

// One timer per connection, left alone while it fires early enough.
void Client::Impl::arm_deadline(Slot& slot) {
  const MonoTime deadline = slot.exchange->exchange.deadline;
  if (slot.deadline.armed() && slot.armed_for <= deadline) return;
  slot.armed_for = deadline;
  slot.deadline.arm_at(deadline);
}

void Client::Impl::on_deadline(ConnectionNumber number) {
  Slot& slot = *slots.at(number);
  if (slot.exchange == nullptr) return;
  if (loop.clock().now() < slot.exchange->exchange.deadline) {
    arm_deadline(slot);
    return;
  }
  if (slot.connection.cut_short()) return;
  const char* phase = "the answer";
  if (!slot.connection.connected()) phase = slot.handshake ? "the TLS handshake" : "the connection";
  fail(number, ExchangeError::kTimeout, std::string("timed out waiting for ") + phase);
}

void Client::Impl::fail(ConnectionNumber number, ExchangeError error, std::string detail) {
  ExchangeResult result;
  result.error = error;
  result.detail = std::move(detail);
  const ExchangeState& state = *slots.at(number)->exchange;
  result.connect_us = state.connect_us;
  result.tls_us = state.tls_us;
  result.total_us = micros_since(state.started, loop.clock().now());
  exchange_done(number, std::move(result), false);
}

void Client::Impl::fail_later(std::unique_ptr<ExchangeState> state, uint64_t ticket,
                              std::string detail) {
  by_ticket[ticket] = 0;
  loop.post([weak = weak_from_this(), ticket, detail = std::move(detail),
             state = std::move(state)]() mutable {
    const auto impl = weak.lock();
    if (impl == nullptr || impl->by_ticket.erase(ticket) == 0) return;
    ExchangeResult result;
    result.error = ExchangeError::kConnect;
    result.detail = std::move(detail);
    state->on_done(std::move(result));
  });
}

void Client::Impl::exchange_done(ConnectionNumber number, ExchangeResult result, bool reusable) {
  Slot& slot = *slots.at(number);
  const std::unique_ptr<ExchangeState> state = std::move(slot.exchange);
  by_ticket.erase(slot.ticket);
  if (reusable) {
    const MonoTime now = state->started + microseconds{result.total_us};
    if (const auto surplus = pool.put(state->exchange.key, number, now)) drop(*surplus);
    if (!sweep.armed()) sweep.arm_at(now + limits.idle_timeout);
  } else {
    drop(number);
  }
  state->on_done(std::move(result));
}

void Client::Impl::exchange_stale(ConnectionNumber number) {
  Slot& slot = *slots.at(number);
  std::unique_ptr<ExchangeState> state = std::move(slot.exchange);
  const uint64_t ticket = slot.ticket;
  state->retried = true;
  drop(number);
  // Others of its key are as old; the retry opens a new connection.
  while (const auto idle = pool.take(state->exchange.key)) drop(*idle);
  loop.post([weak = weak_from_this(), ticket, state = std::move(state)]() mutable {
    const auto impl = weak.lock();
    if (impl != nullptr && impl->by_ticket.contains(ticket)) impl->begin(std::move(state), ticket);
  });
}

void Client::Impl::idle_ended(ConnectionNumber number) {
  pool.remove(number);
  drop(number);
}

void Client::Impl::cancel(uint64_t ticket) {
  const auto at = by_ticket.find(ticket);
  if (at == by_ticket.end()) return;
  const ConnectionNumber number = at->second;
  by_ticket.erase(at);
  const auto slot = slots.find(number);
  if (slot != slots.end() && slot->second->ticket == ticket) drop(number);
}

// The connection is closed at once; it may be on the stack, so it is destroyed a little later.
void Client::Impl::drop(ConnectionNumber number) {
  const auto at = slots.find(number);
  if (at == slots.end()) return;
  at->second->deadline.cancel();
  at->second->connection.shut();
  loop.post([slot = std::move(at->second)] {});
  slots.erase(at);
}

void Client::Impl::close_stale() {
  const MonoTime now = loop.clock().now();
  for (const ConnectionNumber number : pool.idle_since(now - limits.idle_timeout)) {
    pool.remove(number);
    drop(number);
  }
  if (pool.idle() > 0) sweep.arm_at(now + limits.idle_timeout / 2);
}

Client::Client(io::Loop& loop, io::Tls* tls, ClientLimits limits)
    : impl_(std::make_shared<Impl>(loop, tls, limits)) {}

Client::~Client() = default;

std::unique_ptr<Pending> Client::send(Exchange exchange, OnDone on_done) {
  auto state = std::make_unique<ExchangeState>();
  state->exchange = std::move(exchange);
  state->on_done = std::move(on_done);
  state->started = impl_->loop.clock().now();
  const uint64_t ticket = ++impl_->last_ticket;
  impl_->by_ticket[ticket] = 0;
  impl_->begin(std::move(state), ticket);
  return std::make_unique<ClientPending>(impl_, ticket);
}

size_t Client::open_connections() const { return impl_->slots.size(); }

void Client::forget(uint64_t owner) {
  for (const ConnectionNumber number : impl_->pool.of_owner(owner)) {
    impl_->pool.remove(number);
    impl_->drop(number);
  }
}

}  // namespace posthorn::http

// The client: connects, pools, and ends every exchange by its deadline.
#include "http/client.h"

#include <vector>

#include "http/client_connection.h"
#include "http/pool_state.h"

namespace posthorn::http {
namespace {

uint32_t micros_since(MonoTime start, MonoTime now) {
  return static_cast<uint32_t>((now - start).count() / 1000);
}

}  // namespace

// The caller's hold of an exchange, and the exchange itself: one allocation for both. The client
// knows it until it is over.
class ClientPending final : public Pending {
 public:
  ClientPending(Client::Impl& impl, Exchange exchange, Client::OnDone on_done, MonoTime now)
      : client(&impl) {
    state.exchange = std::move(exchange);
    state.on_done = std::move(on_done);
    state.started = now;
  }
  ClientPending(const ClientPending&) = delete;
  ClientPending& operator=(const ClientPending&) = delete;
  ~ClientPending() override;

  Client::Impl* client;             // null once it is over or the client is gone
  ConnectionNumber connection = 0;  // 0 while it has none
  bool refused = false;             // there is no room for its connection
  ExchangeState state;
};

struct Client::Impl : ClientConnection::Owner, std::enable_shared_from_this<Client::Impl> {
  // A connection with the exchange it carries, from connecting on.
  struct Slot {
    Slot(Impl& impl, ConnectionNumber n)
        : number(n),
          connection(impl, n, impl.limits, impl.loop),
          deadline(impl.loop.timers(), [&impl, n] { impl.on_deadline(n); }) {}
    const ConnectionNumber number;
    std::unique_ptr<io::Connecting> connecting;
    std::unique_ptr<io::TlsHandshake> handshake;
    ClientConnection connection;
    ClientPending* pending = nullptr;  // null while idle
    io::Timer deadline;
    MonoTime armed_for;
  };
  using SlotPtr = std::unique_ptr<Slot>;

  Impl(io::Loop& l, io::Tls* t, ClientLimits lim)
      : loop(l), tls(t), limits(lim), pool(lim.idle_per_key_max), sweep(l.timers(), [this] {
          close_stale();
        }) {}
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;
  ~Impl() override = default;

  // The client goes away; nobody is called back any more.
  void detach();
  void begin(ClientPending& pending);
  void carry(Slot& slot, ClientPending& pending);
  Slot* find(ConnectionNumber number);
  Slot& at(ConnectionNumber number) { return *slots[place_of(number)]; }
  Slot& open_slot();
  void start_connect(ConnectionNumber number);
  void connected(ConnectionNumber number, Result<std::unique_ptr<io::Stream>> stream);
  void secured(ConnectionNumber number, Result<std::unique_ptr<io::Stream>> stream);
  void opened(ConnectionNumber number, std::unique_ptr<io::Stream> stream);
  void on_deadline(ConnectionNumber number);
  void arm_deadline(Slot& slot);
  void fail(ConnectionNumber number, ExchangeError error, std::string detail);
  void begin_later(ClientPending& pending);
  void begin_waiting();
  void over(ClientPending& pending, ExchangeResult result);
  void cancel(ClientPending& pending);
  void close_stale();
  void drop(ConnectionNumber number);

  void exchange_done(ConnectionNumber number, ExchangeResult result, bool reusable) override;
  void exchange_stale(ConnectionNumber number) override;
  void idle_ended(ConnectionNumber number) override;

  io::Loop& loop;
  io::Tls* tls;
  const ClientLimits limits;
  PoolState pool;
  std::vector<SlotPtr> slots;  // by place; null: free
  std::vector<size_t> free_places;
  std::vector<ClientPending*> waiting;  // for a connection, after this handler
  bool waiting_posted = false;
  ConnectionNumber last_serial = 0;
  io::Timer sweep;
};

ClientPending::~ClientPending() {
  if (client != nullptr) client->cancel(*this);
}

void Client::Impl::detach() {
  for (ClientPending* const pending : std::exchange(waiting, {})) pending->client = nullptr;
  for (const SlotPtr& slot : slots) {
    if (slot != nullptr && slot->pending != nullptr) slot->pending->client = nullptr;
  }
}

Client::Impl::Slot* Client::Impl::find(ConnectionNumber number) {
  const SlotPtr& slot = slots[place_of(number)];
  return slot != nullptr && slot->number == number ? slot.get() : nullptr;
}

Client::Impl::Slot& Client::Impl::open_slot() {
  if (free_places.empty()) {
    free_places.push_back(slots.size());
    slots.emplace_back();
  }
  const size_t place = free_places.back();
  free_places.pop_back();
  slots[place] = std::make_unique<Slot>(*this, ++last_serial << kPlaceBits | place);
  return *slots[place];
}

void Client::Impl::carry(Slot& slot, ClientPending& pending) {
  slot.pending = &pending;
  pending.connection = slot.number;
  arm_deadline(slot);
}

void Client::Impl::begin(ClientPending& pending) {
  const auto idle = pending.state.retried ? std::nullopt : pool.take(pending.state.exchange.key);
  if (idle) {
    Slot& slot = at(*idle);
    carry(slot, pending);
    slot.connection.begin(pending.state);
    return;
  }
  if (slots.size() - free_places.size() >= limits.connections_max) {
    const auto oldest = pool.oldest();
    if (!oldest) {
      pending.refused = true;
      begin_later(pending);
      return;
    }
    drop(*oldest);
  }
  Slot& slot = open_slot();
  carry(slot, pending);
  start_connect(slot.number);
}

void Client::Impl::start_connect(ConnectionNumber number) {
  Slot& slot = at(number);
  slot.connecting = loop.net().connect(slot.pending->state.exchange.key.address, {},
                                       [weak = weak_from_this(), number](auto stream) {
                                         const auto impl = weak.lock();
                                         if (impl) impl->connected(number, std::move(stream));
                                       });
}

void Client::Impl::connected(ConnectionNumber number, Result<std::unique_ptr<io::Stream>> stream) {
  if (find(number) == nullptr) return;  // dropped meanwhile
  Slot& slot = at(number);
  ExchangeState& state = slot.pending->state;
  state.connect_us = micros_since(state.started, loop.now());
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
  if (find(number) == nullptr) return;  // dropped meanwhile
  ExchangeState& state = at(number).pending->state;
  state.tls_us = micros_since(state.started, loop.now()) - state.connect_us;
  if (!stream.ok())
    fail(number, ExchangeError::kTls, stream.error().message);
  else
    opened(number, *std::move(stream));
}

void Client::Impl::opened(ConnectionNumber number, std::unique_ptr<io::Stream> stream) {
  Slot& slot = at(number);
  slot.connection.open(slot.pending->state.exchange.key, std::move(stream));
  slot.connection.begin(slot.pending->state);
}

// One timer per connection, left alone while it fires early enough.
void Client::Impl::arm_deadline(Slot& slot) {
  const MonoTime deadline = slot.pending->state.exchange.deadline;
  if (slot.deadline.armed() && slot.armed_for <= deadline) return;
  slot.armed_for = deadline;
  slot.deadline.arm_at(deadline);
}

void Client::Impl::on_deadline(ConnectionNumber number) {
  Slot& slot = at(number);
  if (slot.pending == nullptr) return;
  if (loop.now() < slot.pending->state.exchange.deadline) {
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
  const ExchangeState& state = at(number).pending->state;
  result.connect_us = state.connect_us;
  result.tls_us = state.tls_us;
  result.total_us = micros_since(state.started, loop.now());
  exchange_done(number, std::move(result), false);
}

// The callback may destroy `pending`, and the client.
void Client::Impl::over(ClientPending& pending, ExchangeResult result) {
  pending.client = nullptr;
  OnDone on_done = std::move(pending.state.on_done);
  on_done(std::move(result));
}

// Neither a retry nor an answer may come inside the call that asks.
void Client::Impl::begin_later(ClientPending& pending) {
  pending.connection = 0;
  waiting.push_back(&pending);
  if (std::exchange(waiting_posted, true)) return;
  loop.post([weak = weak_from_this()] {
    if (const auto impl = weak.lock()) impl->begin_waiting();
  });
}

void Client::Impl::begin_waiting() {
  waiting_posted = false;  // what is added meanwhile waits for the next time
  for (size_t left = waiting.size(); left > 0 && !waiting.empty(); --left) {
    ClientPending& pending = *waiting.front();
    waiting.erase(waiting.begin());
    if (!pending.refused) {
      begin(pending);
      continue;
    }
    ExchangeResult result;
    result.error = ExchangeError::kConnect;
    result.detail = "too many open connections";
    over(pending, std::move(result));
  }
}

void Client::Impl::exchange_done(ConnectionNumber number, ExchangeResult result, bool reusable) {
  Slot& slot = at(number);
  ClientPending& pending = *std::exchange(slot.pending, nullptr);
  if (reusable) {
    const MonoTime now = pending.state.started + microseconds{result.total_us};
    const auto surplus = pool.put(pending.state.exchange.key, number, now);
    if (surplus) drop(*surplus);
    if (!sweep.armed()) sweep.arm_at(now + limits.idle_timeout);
  } else {
    drop(number);
  }
  over(pending, std::move(result));
}

void Client::Impl::exchange_stale(ConnectionNumber number) {
  ClientPending& pending = *std::exchange(at(number).pending, nullptr);
  pending.state.retried = true;
  drop(number);
  // Others of its key are as old; the retry opens a new connection.
  while (const auto idle = pool.take(pending.state.exchange.key)) drop(*idle);
  begin_later(pending);
}

void Client::Impl::idle_ended(ConnectionNumber number) { drop(number); }

void Client::Impl::cancel(ClientPending& pending) {
  if (pending.connection == 0) {
    std::erase(waiting, &pending);
    return;
  }
  at(pending.connection).pending = nullptr;
  drop(pending.connection);
}

// The connection is closed at once; it may be on the stack, so it is destroyed a little later.
void Client::Impl::drop(ConnectionNumber number) {
  SlotPtr& slot = slots[place_of(number)];
  pool.remove(number);
  slot->deadline.cancel();
  slot->connection.shut();
  loop.post([dropped = std::move(slot)] {});
  free_places.push_back(place_of(number));
}

void Client::Impl::close_stale() {
  const MonoTime now = loop.now();
  for (const ConnectionNumber number : pool.idle_since(now - limits.idle_timeout)) drop(number);
  if (pool.idle() > 0) sweep.arm_at(now + limits.idle_timeout / 2);
}

Client::Client(io::Loop& loop, io::Tls* tls, ClientLimits limits)
    : impl_(std::make_shared<Impl>(loop, tls, limits)) {}

Client::~Client() { impl_->detach(); }

std::unique_ptr<Pending> Client::send(Exchange exchange, OnDone on_done) {
  auto pending = std::make_unique<ClientPending>(*impl_, std::move(exchange), std::move(on_done),
                                                 impl_->loop.now());
  impl_->begin(*pending);
  return pending;
}

size_t Client::open_connections() const { return impl_->slots.size() - impl_->free_places.size(); }

void Client::forget(uint64_t owner) {
  for (const ConnectionNumber number : impl_->pool.of_owner(owner)) impl_->drop(number);
}

}  // namespace posthorn::http

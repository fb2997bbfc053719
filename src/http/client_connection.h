// One connection of the client: carries one exchange at a time, and tells its owner when it is
// idle or gone. Private to the client.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "http/client.h"
#include "http/pool_state.h"
#include "io/timer.h"
#include "wire/http1_chunked.h"

namespace posthorn::http {

class ClientConnection;

// What an exchange needs from start to end; lives in the client until it is done or cancelled.
struct ExchangeState {
  Exchange exchange;
  Client::OnDone on_done;
  MonoTime started;
  uint32_t connect_us = 0;
  uint32_t tls_us = 0;
  bool retried = false;  // the one immediate retry on a stale connection was used
};

class ClientConnection {
 public:
  // Told exactly once per exchange, and once when an idle connection ends by itself. The
  // connection may be destroyed inside any of these calls.
  class Owner {
   public:
    virtual ~Owner() = default;
    // The exchange is over; `reusable` says that the connection may carry another one.
    virtual void exchange_done(ConnectionNumber number, ExchangeResult result, bool reusable) = 0;
    // A reused connection turned out to be closed before a byte of an answer arrived.
    virtual void exchange_stale(ConnectionNumber number) = 0;
    virtual void idle_ended(ConnectionNumber number) = 0;
  };

  ClientConnection(Owner& owner, ConnectionNumber number, const ClientLimits& limits,
                   const io::Loop& loop)
      : owner_(owner), number_(number), limits_(limits), loop_(loop), parser_(limits.head) {}

  const PoolKey& key() const { return key_; }
  bool connected() const { return stream_ != nullptr; }

  // Takes the connected stream; once.
  void open(const PoolKey& key, std::unique_ptr<io::Stream> stream);
  // Sends the request and reads the answer. `state` must stay valid until the owner is told.
  void begin(const ExchangeState& state);
  // The deadline has passed. True when the head of the answer was there: the exchange then ends
  // with that, its body cut. False: nothing happened.
  bool cut_short();
  // Closes; the owner is not told of anything any more.
  void shut();

 private:
  void read();
  void on_read(Result<size_t> got);
  void on_answer_bytes();
  void on_body_bytes();
  void keep(ByteView data);
  void ended_by_peer(bool reset);
  void fail(ExchangeError error, std::string detail);
  void finish(bool reusable);

  Owner& owner_;
  const ConnectionNumber number_;
  const ClientLimits& limits_;
  const io::Loop& loop_;
  PoolKey key_;
  std::unique_ptr<io::Stream> stream_;
  const ExchangeState* state_ = nullptr;  // null while idle
  bool used_before_ = false;
  bool reading_ = false;
  bool request_out_ = false;
  bool head_done_ = false;
  wire::ResponseParser parser_;
  wire::ChunkedDecoder chunks_;
  std::vector<char> in_;
  size_t received_ = 0;  // bytes of the answer in in_
  uint64_t body_seen_ = 0;
  MonoTime last_event_;
  ExchangeResult result_;
};

}  // namespace posthorn::http

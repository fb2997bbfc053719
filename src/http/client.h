// HTTP/1.1 client for deliveries: one exchange at a time on a pooled connection, under one total
// deadline. Used on one loop's thread.
#pragma once
#include <array>
#include <memory>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/function.h"
#include "base/ip.h"
#include "base/units.h"
#include "io/loop.h"
#include "io/tls.h"
#include "wire/http1_response.h"

namespace posthorn::http {

struct ClientLimits {
  wire::Http1Limits head;
  size_t body_read_max = 64 * 1024;  // beyond it the connection is closed and the body cut
  size_t idle_per_key_max = 64;
  size_t connections_max = 8192;  // open ones, idle included
  nanoseconds idle_timeout = seconds{60};
};

// Connections are shared only between exchanges with an equal key.
struct PoolKey {
  uint64_t owner = 0;     // the endpoint: connections are never shared between endpoints
  SocketAddress address;  // judged by the caller
  bool tls = false;
  bool operator==(const PoolKey&) const = default;
};

struct Exchange {
  PoolKey key;
  std::string server_name;          // for TLS: the host of the URL
  std::array<ByteView, 2> request;  // head and body; must stay valid until on_done or cancel
  MonoTime deadline;                // from connect to the last byte
  size_t body_keep_max = 20'000;    // of the response body
};

enum class ExchangeError : uint8_t {
  kNone,     // a complete head arrived
  kConnect,  // refused, unreachable, no descriptor
  kTls,
  kTimeout,       // the deadline passed; `detail` says in which phase
  kDisconnected,  // closed or reset before the head was complete
  kProtocol,      // what arrived is not an HTTP response
};

struct ExchangeResult {
  ExchangeError error = ExchangeError::kNone;
  std::string detail;  // a sentence for people when error is set
  int status = 0;
  // Of answers that are no success; bounded by ClientLimits::head.
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;  // at most body_keep_max
  bool body_truncated = false;
  bool reused = false;  // went over a connection that was open already
  uint32_t connect_us = 0;
  uint32_t tls_us = 0;
  uint32_t first_byte_us = 0;  // since the start of the exchange
  uint32_t total_us = 0;
};

// An exchange under way. Destroying it cancels: the connection is closed, on_done does not run.
class Pending {
 public:
  virtual ~Pending() = default;
};

class Client {
 public:
  using OnDone = UniqueFunction<void(ExchangeResult)>;

  // `tls` may be null: then exchanges with key.tls fail with kTls.
  Client(io::Loop& loop, io::Tls* tls, ClientLimits limits);
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // on_done never runs inside this call. A 2xx is complete once its head is; an unusable keep-alive
  // connection is replaced once, and only when no byte of an answer had arrived.
  std::unique_ptr<Pending> send(Exchange exchange, OnDone on_done);

  size_t open_connections() const;
  // Closes all idle connections of an owner (its endpoint was changed or deleted).
  void forget(uint64_t owner);

 private:
  friend class ClientPending;
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace posthorn::http

// HTTP/1.1 server of one loop: strict framing, keep-alive, pipelining with answers in order,
// everything bounded. A handler answers at once or later through its Responder.
#pragma once
#include <functional>
#include <memory>
#include <unordered_map>
#include <vector>

#include "base/function.h"
#include "http/message.h"
#include "io/loop.h"
#include "io/net.h"

namespace posthorn::http {

struct ServerLimits {
  wire::Http1Limits head;
  size_t pipeline_max = 64;  // requests of one connection without an answer
  size_t connections_max = 8192;
  size_t connections_per_address_max = 1024;
  // Of a refused body, read and thrown away: many clients look for the answer only once they have
  // sent everything.
  size_t drain_bytes_max = 4u << 20;
  // Of all requests that are arriving together, beyond 4 KiB a connection; 503 above.
  size_t buffer_bytes_max = 64u << 20;
  nanoseconds head_timeout = seconds{10};
  nanoseconds body_timeout = seconds{60};
  nanoseconds idle_timeout = seconds{75};
  nanoseconds write_timeout = seconds{30};
};

class ServerConnection;

class Server {
 public:
  using Handler = UniqueFunction<void(Request&, Responder)>;
  // The largest body that a request may have, and how a larger one is answered.
  struct BodyBound {
    size_t bytes_max = 0;
    int status = 413;
    std::string_view reason = "the body is larger than this route takes";  // a literal
  };
  // Asked once the head of a request is complete.
  using BodyLimit = UniqueFunction<BodyBound(const wire::RequestHead&)>;
  // Renders the body of an answer that the server gives by itself (400, 408, 413, 431, 503 …).
  using ErrorBody = UniqueFunction<std::string(int status, std::string_view reason)>;

  struct Handlers {
    Handler handle;
    BodyLimit body_limit;
    ErrorBody error_body;
  };

  Server(io::Loop& loop, const ServerLimits& limits, Handlers handlers);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  Status listen(const SocketAddress& at, const io::ListenOptions& options);
  SocketAddress address() const;
  // A connection from elsewhere (TLS, tests).
  void adopt(std::unique_ptr<io::Stream> stream);

  // Accepts nothing more; answers what was asked; then closes every connection. `empty` runs once
  // when none is left.
  void drain(Task empty);
  size_t connections() const { return connections_.size(); }

 private:
  friend class ServerConnection;
  void closed(ServerConnection* connection);
  void flush_later(const std::shared_ptr<ServerConnection>& connection);
  void flush();
  std::string_view date();

  io::Loop& loop_;
  const ServerLimits limits_;
  Handlers handlers_;
  std::unique_ptr<io::Listener> listener_;
  std::unordered_map<ServerConnection*, std::shared_ptr<ServerConnection>> connections_;
  std::unordered_map<std::string, size_t> per_address_;
  std::vector<std::shared_ptr<ServerConnection>> to_flush_;
  std::vector<std::shared_ptr<ServerConnection>> flushing_;  // kept for its capacity
  size_t charged_ = 0;                                       // of limits_.buffer_bytes_max
  std::string date_;
  MonoTime date_until_;  // when the next second begins
  Task empty_;
  bool draining_ = false;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace posthorn::http

// DNS with c-ares: A and AAAA over UDP, TCP when an answer is cut, the hosts file first. c-ares
// says which sockets and which timeout it waits for; the reactor and the timer wheel do the
// waiting.
#include "io/linux/resolver.h"

#include <ares.h>
#include <fmt/format.h>
#include <netinet/in.h>

#include <algorithm>
#include <map>

#include "io/linux/fd_watch.h"
#include "io/linux/reactor.h"
#include "io/linux/socket_address.h"
#include "io/timer.h"

namespace posthorn::io {
namespace {

// Cancelled queries count until c-ares is done with them.
constexpr size_t kQueriesMax = 1024;
constexpr seconds kTtlMax{24 * 3600};

struct FreeAnswer {
  void operator()(ares_addrinfo* answer) const { ares_freeaddrinfo(answer); }
};

struct Query {
  std::string host;
  Resolver::OnResolved on_resolved;  // empty once answered or cancelled
};

class LinuxResolving final : public Resolving {
 public:
  explicit LinuxResolving(std::shared_ptr<Query> query) : query_(std::move(query)) {}
  LinuxResolving(const LinuxResolving&) = delete;
  LinuxResolving& operator=(const LinuxResolving&) = delete;
  ~LinuxResolving() override {
    const Resolver::OnResolved dropped = std::move(query_->on_resolved);
    query_->on_resolved = nullptr;
  }

 private:
  const std::shared_ptr<Query> query_;
};

Errc errc_of(int status) {
  switch (status) {
    case ARES_ENOTFOUND:
    case ARES_ENODATA:
    case ARES_ENONAME:
    case ARES_EBADNAME:
      return Errc::kNotFound;
    case ARES_ETIMEOUT:
      return Errc::kTimeout;
    default:
      return Errc::kIo;
  }
}

// IPv4 first: an address family that this machine cannot reach fails at once, and the caller
// tries the next address.
Resolved collect(const ares_addrinfo& answer) {
  Resolved resolved;
  resolved.ttl = kTtlMax;
  for (const ares_addrinfo_cname* alias = answer.cnames; alias != nullptr; alias = alias->next)
    resolved.ttl = std::min(resolved.ttl, seconds{std::max(alias->ttl, 0)});
  for (const int family : {AF_INET, AF_INET6}) {
    for (const ares_addrinfo_node* node = answer.nodes; node != nullptr; node = node->ai_next) {
      if (node->ai_family != family || resolved.addresses.size() == Resolver::kAddressesMax)
        continue;
      SystemAddress system;
      system.length = std::min<socklen_t>(node->ai_addrlen, sizeof system.storage);
      std::memcpy(&system.storage, node->ai_addr, system.length);
      resolved.addresses.push_back(socket_address(system).ip);
      resolved.ttl = std::min(resolved.ttl, seconds{std::max(node->ai_ttl, 0)});
    }
  }
  return resolved;
}

class LinuxResolver final : public Resolver {
 public:
  LinuxResolver(Reactor& reactor, TimerWheel& timers, const Clock& clock,
                const ResolverOptions& options)
      : reactor_(reactor), clock_(clock), timeout_(timers, [this] { process(); }) {
    static const int kLibrary = ares_library_init(ARES_LIB_INIT_ALL);
    (void)kLibrary;
    start_channel(options);
  }

  LinuxResolver(const LinuxResolver&) = delete;
  LinuxResolver& operator=(const LinuxResolver&) = delete;
  ~LinuxResolver() override {
    // Ends every query with its callback; nobody must be called any more.
    destroying_ = true;
    if (channel_ != nullptr) ares_destroy(channel_);
  }

  std::unique_ptr<Resolving> resolve(const std::string& host, OnResolved on_resolved) override {
    auto query = std::make_shared<Query>(Query{host, std::move(on_resolved)});
    auto resolving = std::make_unique<LinuxResolving>(query);
    if (channel_ == nullptr || queries_ >= kQueriesMax) {
      answer_later(std::move(query),
                   error(channel_ == nullptr ? Errc::kIo : Errc::kOverloaded,
                         fmt::format("cannot resolve {}: {}", host,
                                     channel_ == nullptr ? "no DNS configuration"
                                                         : "too many queries under way")));
      return resolving;
    }
    ++queries_;
    ares_addrinfo_hints hints{};
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = ARES_AI_NOSORT;
    // c-ares calls back exactly once per query, which takes this back.
    auto asked = std::make_unique<Asked>(Asked{this, std::move(query)});
    ares_getaddrinfo(channel_, host.c_str(), nullptr, &hints, &LinuxResolver::on_answer,
                     asked.release());
    set_timeout();
    return resolving;
  }

 private:
  struct Asked {
    LinuxResolver* resolver;
    std::shared_ptr<Query> query;
  };

  void start_channel(const ResolverOptions& options) {
    ares_options about{};
    about.flags = ARES_FLAG_NOSEARCH | ARES_FLAG_EDNS;
    about.timeout = static_cast<int>(options.try_timeout.count());
    about.tries = options.tries;
    about.ednspsz = 1232;
    about.sock_state_cb = &LinuxResolver::on_socket_state;
    about.sock_state_cb_data = this;
    const int given = ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_EDNSPSZ |
                      ARES_OPT_SOCK_STATE_CB;
    if (ares_init_options(&channel_, &about, given) != ARES_SUCCESS) {
      channel_ = nullptr;
      return;
    }
    std::string servers;
    for (const SocketAddress& server : options.servers)
      servers += (servers.empty() ? "" : ",") + server.text();
    if (servers.empty()) return;
    if (ares_set_servers_ports_csv(channel_, servers.c_str()) == ARES_SUCCESS) return;
    ares_destroy(std::exchange(channel_, nullptr));
  }

  static void on_answer(void* data, int status, int /*timeouts*/, ares_addrinfo* result) {
    const std::unique_ptr<Asked> asked(static_cast<Asked*>(data));
    const std::unique_ptr<ares_addrinfo, FreeAnswer> answer(result);
    LinuxResolver& self = *asked->resolver;
    --self.queries_;
    Query& query = *asked->query;
    if (self.destroying_ || !query.on_resolved) return;
    Resolved resolved;
    if (status == ARES_SUCCESS && answer) resolved = collect(*answer);
    if (!resolved.addresses.empty()) {
      return self.answer_later(std::move(asked->query), std::move(resolved));
    }
    self.answer_later(
        std::move(asked->query),
        error(status == ARES_SUCCESS ? Errc::kNotFound : errc_of(status),
              fmt::format("cannot resolve {}: {}", query.host,
                          status == ARES_SUCCESS ? "no addresses" : ares_strerror(status))));
  }

  // c-ares may answer inside the call that asks; the callback must not run there.
  void answer_later(std::shared_ptr<Query> query, Result<Resolved> result) {
    reactor_.post([query = std::move(query), result = std::move(result)]() mutable {
      OnResolved on_resolved = std::move(query->on_resolved);
      query->on_resolved = nullptr;
      if (on_resolved) on_resolved(std::move(result));
    });
  }

  // c-ares says what it waits for; both 0 means that it closes the socket next.
  static void on_socket_state(void* data, ares_socket_t fd, int readable, int writable) {
    auto& self = *static_cast<LinuxResolver*>(data);
    if (readable == 0 && writable == 0) {
      self.sockets_.erase(fd);
      return;
    }
    auto [at, made] = self.sockets_.try_emplace(fd);
    Socket& socket = at->second;
    if (made) socket.watch = std::make_unique<FdWatch>(self.reactor_, fd);
    socket.readable = readable != 0;
    socket.writable = writable != 0;
    self.watch(fd, socket);
  }

  struct Socket {
    std::unique_ptr<FdWatch> watch;
    bool readable = false, writable = false;                  // wanted
    bool waiting_readable = false, waiting_writable = false;  // under way
  };

  void watch(ares_socket_t fd, Socket& socket) {
    if (socket.readable && !std::exchange(socket.waiting_readable, true))
      socket.watch->wait(FdWatch::Event::kReadable, [this, fd] { on_ready(fd, true); });
    if (socket.writable && !std::exchange(socket.waiting_writable, true))
      socket.watch->wait(FdWatch::Event::kWritable, [this, fd] { on_ready(fd, false); });
  }

  void on_ready(ares_socket_t fd, bool reading) {
    Socket& socket = sockets_.at(fd);
    (reading ? socket.waiting_readable : socket.waiting_writable) = false;
    const bool wanted = reading ? socket.readable : socket.writable;
    if (wanted) {
      ares_process_fd(channel_, reading ? fd : ARES_SOCKET_BAD, reading ? ARES_SOCKET_BAD : fd);
    }
    if (const auto at = sockets_.find(fd); at != sockets_.end()) watch(fd, at->second);
    set_timeout();
  }

  void process() {
    ares_process_fd(channel_, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
    set_timeout();
  }

  void set_timeout() {
    timeval left{};
    if (ares_timeout(channel_, nullptr, &left) == nullptr) return timeout_.cancel();
    timeout_.arm_at(clock_.now() + seconds{left.tv_sec} + microseconds{left.tv_usec});
  }

  Reactor& reactor_;
  const Clock& clock_;
  Timer timeout_;
  std::map<ares_socket_t, Socket> sockets_;
  ares_channel channel_ = nullptr;
  size_t queries_ = 0;
  bool destroying_ = false;
};

}  // namespace

std::unique_ptr<Resolver> make_linux_resolver(Reactor& reactor, TimerWheel& timers,
                                              const Clock& clock, const ResolverOptions& options) {
  return std::make_unique<LinuxResolver>(reactor, timers, clock, options);
}

}  // namespace posthorn::io

// The simulated network that all loops of a world share: it delays, splits, stalls, refuses and
// resets, by address. Driven by the schedule; deterministic.
#pragma once
#include <map>
#include <memory>
#include <vector>

#include "base/ip.h"
#include "io/net.h"
#include "io/sim/schedule.h"

namespace posthorn::io::sim {

class SimLoop;
class SimListener;
class Connection;

// How connections to one address behave. May be changed while they are open.
struct Link {
  enum class Reach : uint8_t {
    kOpen,
    kRefuse,     // new connects are refused
    kBlackhole,  // nothing arrives, neither a connect nor bytes; it goes on when the link opens
  };
  Reach reach = Reach::kOpen;
  nanoseconds delay_min{20'000};  // of every packet, one way
  nanoseconds delay_max{200'000};
  size_t packet_bytes_max = 16 * 1024;  // writes are cut at random into packets of 1..this many
  size_t window_bytes = 64 * 1024;      // on the way and unread, per direction
  uint32_t reset_per_mille = 0;         // chance per packet that the connection is reset instead
};

class Network {
 public:
  explicit Network(Schedule& schedule) : schedule_(schedule) {}

  std::unique_ptr<Net> make_net(SimLoop& loop);
  // For connections to `to`, whoever listens there.
  void set_link(const SocketAddress& to, const Link& link) { links_[to] = link; }
  void set_default_link(const Link& link) { default_ = link; }
  // Resets every open connection to `to`.
  void reset_connections(const SocketAddress& to);
  size_t open_connections() const;

  // The rest is for the simulated sockets.
  const Link& link(const SocketAddress& to) const;
  Result<SocketAddress> add_listener(const SocketAddress& at, const ListenOptions& options,
                                     std::weak_ptr<SimListener> listener);
  std::shared_ptr<SimListener> find_listener(const SocketAddress& at);
  std::shared_ptr<Connection> make_connection(const SocketAddress& from, const SocketAddress& to);
  uint16_t next_port() { return port_ = port_ < 40'000 ? 40'000 : port_ + 1; }
  Schedule& schedule() { return schedule_; }

 private:
  struct Bound {
    std::weak_ptr<SimListener> listener;
    bool reuse_port;
  };

  void forget_closed();

  Schedule& schedule_;
  Link default_;
  std::map<SocketAddress, Link> links_;
  std::multimap<SocketAddress, Bound> bound_;
  std::vector<std::weak_ptr<Connection>> connections_;
  uint16_t port_ = 0;
};

}  // namespace posthorn::io::sim

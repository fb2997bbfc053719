// The simulated DNS: a table that tests fill.
#pragma once
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "io/resolver.h"
#include "io/sim/schedule.h"

namespace posthorn::io::sim {

class SimLoop;

class Names {
 public:
  explicit Names(Schedule& schedule) : schedule_(schedule) {}

  void set(const std::string& host, std::vector<IpAddress> addresses, seconds ttl = seconds{60});
  void set_error(const std::string& host, Errc code);
  // A question is answered after a time drawn from this range.
  void set_delay(nanoseconds low, nanoseconds high);

  std::unique_ptr<Resolver> make_resolver(SimLoop& loop);
  // What the table says at this moment; kNotFound for other names.
  Result<Resolved> find(const std::string& host) const;
  nanoseconds draw_delay() { return schedule_.draw(delay_min_, delay_max_); }

 private:
  Schedule& schedule_;
  std::map<std::string, Result<Resolved>> table_;
  nanoseconds delay_min_{100'000};
  nanoseconds delay_max_{5'000'000};
};

}  // namespace posthorn::io::sim

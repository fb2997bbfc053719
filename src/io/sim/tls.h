// The simulated TLS: the connection is handed over as it is, or the scripted error is given.
#pragma once
#include <map>
#include <memory>
#include <string>

#include "io/loop.h"
#include "io/tls.h"

namespace posthorn::io::sim {

// What handshakes to a server name end with; anything not named here succeeds.
struct TlsVerdicts {
  std::map<std::string, Error> failing;
  nanoseconds handshake_time{1'000'000};
};

// `verdicts` must outlive it and may change.
std::unique_ptr<Tls> make_sim_tls(Loop& loop, const TlsVerdicts& verdicts, bool can_accept);

}  // namespace posthorn::io::sim

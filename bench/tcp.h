// Loopback TCP for the benchmark programs. There is no way to name another host: load is only ever
// put on this machine.
#pragma once
#include <cstdint>

namespace posthorn::bench {

// Non-blocking listener on 127.0.0.1:port; ends the program when it cannot.
int listen_on_loopback(uint16_t port);

// One accepted non-blocking socket with TCP_NODELAY, or -1 when none waits.
int accept_ready(int listener);

// Non-blocking connected socket with TCP_NODELAY, or -1 when nobody accepts within two seconds.
int connect_to_loopback(uint16_t port);

// Raises the soft limit of open files to the hard one.
void raise_open_files_limit();

}  // namespace posthorn::bench

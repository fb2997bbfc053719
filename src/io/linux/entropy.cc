// The kernel's random generator; waits for it to be seeded, never falls back to anything else.
#include "io/linux/entropy.h"

#include <sys/random.h>

#include <cerrno>

#include "base/check.h"

namespace posthorn::io {

void LinuxEntropy::fill(std::span<uint8_t> out) {
  while (!out.empty()) {
    const ssize_t got = ::getrandom(out.data(), out.size(), 0);
    if (got < 0 && errno == EINTR) continue;
    CHECK(got > 0, "getrandom failed with error {}", errno);
    out = out.subspan(static_cast<size_t>(got));
  }
}

}  // namespace posthorn::io

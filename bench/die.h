// How the benchmark programs end when they cannot go on: a line on stderr and exit code 1.
// A measurement that had an unexpected failure is worthless, so nothing here tries to recover.
#pragma once
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace posthorn::bench {

[[noreturn]] inline void die(const char* what) {
  std::fprintf(stderr, "bench: %s\n", what);
  std::exit(1);
}

// For a failed system call: adds the text of errno.
[[noreturn]] inline void die_errno(const char* call) {
  std::fprintf(stderr, "bench: %s: %s\n", call, std::strerror(errno));
  std::exit(1);
}

}  // namespace posthorn::bench

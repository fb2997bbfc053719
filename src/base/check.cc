// Prints a failed CHECK to standard error and aborts.
#include "base/check.h"

#include <cstdio>
#include <cstdlib>

namespace posthorn {

void check_failed(const char* file, int line, const char* condition, const std::string& detail) {
  std::fprintf(stderr, "CHECK failed at %s:%d: %s%s%s\n", file, line, condition,
               detail.empty() ? "" : ": ", detail.c_str());
  std::abort();
}

}  // namespace posthorn

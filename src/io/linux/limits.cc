// The descriptor limit of the process.
#include "io/linux/limits.h"

#include <sched.h>
#include <sys/resource.h>

#include <algorithm>
#include <cerrno>

#include "io/linux/os_error.h"

namespace posthorn::io {
namespace {

constexpr size_t kReserve = 256;

}  // namespace

Result<size_t> raise_open_files() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return os_error(errno, "read the open-files limit");
  if (limit.rlim_cur < limit.rlim_max) {
    limit.rlim_cur = limit.rlim_max;
    if (::setrlimit(RLIMIT_NOFILE, &limit) != 0) {
      return os_error(errno, "raise the open-files limit");
    }
  }
  return static_cast<size_t>(limit.rlim_cur);
}

// The kernel gives out the lowest free number, so a number in the reserve means that all below it
// are in use.
size_t socket_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
  const size_t files = static_cast<size_t>(limit.rlim_cur);
  return files - std::min(kReserve, files / 4);
}

size_t usable_cores() {
  cpu_set_t cores;
  CPU_ZERO(&cores);
  if (::sched_getaffinity(0, sizeof cores, &cores) != 0) return 1;
  return static_cast<size_t>(CPU_COUNT(&cores));
}

}  // namespace posthorn::io

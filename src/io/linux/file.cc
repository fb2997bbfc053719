// One open file: pread, pwritev, fdatasync, fallocate. Every call runs to its end or reports an
// error; interruptions are hidden, short writes are continued.
#include "io/linux/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "io/linux/os_error.h"

namespace posthorn::io {
namespace {

constexpr size_t kPartsPerCall = 64;
constexpr uint64_t kZeroBlock = 64 * 1024;

// Repeats a call that a signal interrupted.
template <typename Call>
auto uninterrupted(Call call) {
  auto result = call();
  while (result < 0 && errno == EINTR) result = call();
  return result;
}

// The next parts as the system wants them, without the first `skip` bytes of the first.
size_t gather(std::span<const ByteView> parts, size_t skip,
              std::array<iovec, kPartsPerCall>& into) {
  size_t count = 0;
  for (const ByteView part : parts.first(std::min(parts.size(), kPartsPerCall))) {
    into[count++] = {const_cast<char*>(part.data()) + skip, part.size() - skip};
    skip = 0;
  }
  return count;
}

}  // namespace

Result<size_t> LinuxFile::read(uint64_t offset, std::span<char> into) {
  size_t done = 0;
  while (done < into.size()) {
    const ssize_t got = uninterrupted([&] {
      return ::pread(fd_.get(), into.data() + done, into.size() - done,
                     static_cast<off_t>(offset + done));
    });
    if (got < 0) return os_error(errno, "read", path_);
    if (got == 0) break;
    done += static_cast<size_t>(got);
  }
  return done;
}

Status LinuxFile::write(uint64_t offset, std::span<const ByteView> parts) {
  size_t skip = 0;  // bytes of the first part that are written already
  while (!parts.empty()) {
    std::array<iovec, kPartsPerCall> vectors;
    const size_t count = gather(parts, skip, vectors);
    const ssize_t wrote = uninterrupted([&] {
      return ::pwritev(fd_.get(), vectors.data(), static_cast<int>(count),
                       static_cast<off_t>(offset));
    });
    if (wrote < 0) return os_error(errno, "write", path_);
    offset += static_cast<uint64_t>(wrote);
    skip += static_cast<size_t>(wrote);
    while (!parts.empty() && skip >= parts[0].size()) {
      skip -= parts[0].size();
      parts = parts.subspan(1);
    }
  }
  return {};
}

Status LinuxFile::sync() {
  // Never repeated: after a failed fdatasync the kernel may have dropped the pages.
  if (::fdatasync(fd_.get()) != 0) return os_error(errno, "fdatasync", path_);
  return {};
}

Result<uint64_t> LinuxFile::size() {
  struct stat about {};
  if (::fstat(fd_.get(), &about) != 0) return os_error(errno, "stat", path_);
  return static_cast<uint64_t>(about.st_size);
}

Status LinuxFile::truncate(uint64_t size) {
  const int result =
      uninterrupted([&] { return ::ftruncate(fd_.get(), static_cast<off_t>(size)); });
  if (result != 0) return os_error(errno, "truncate", path_);
  return {};
}

Status LinuxFile::allocate(uint64_t size) {
  if (size == 0) return {};
  const int result =
      uninterrupted([&] { return ::fallocate(fd_.get(), 0, 0, static_cast<off_t>(size)); });
  if (result == 0) return {};
  if (errno != EOPNOTSUPP) return os_error(errno, "allocate", path_);
  // A file system without fallocate: blocks come only by writing them.
  PH_ASSIGN(const uint64_t from, this->size());
  return from < size ? write_zeros(from, size - from) : Status();
}

Status LinuxFile::punch(uint64_t offset, uint64_t length) {
  if (length == 0) return {};
  const int result = uninterrupted([&] {
    return ::fallocate(fd_.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                       static_cast<off_t>(offset), static_cast<off_t>(length));
  });
  if (result == 0) return {};
  if (errno != EOPNOTSUPP) return os_error(errno, "punch", path_);
  PH_ASSIGN(const uint64_t end, size());
  if (offset >= end) return {};
  return write_zeros(offset, std::min(length, end - offset));
}

Status LinuxFile::write_zeros(uint64_t offset, uint64_t length) {
  const std::string zeros(std::min(length, kZeroBlock), '\0');
  while (length > 0) {
    const ByteView part = ByteView(zeros).substr(0, length);
    PH_TRY(write(offset, std::array{part}));
    offset += part.size();
    length -= part.size();
  }
  return {};
}

}  // namespace posthorn::io

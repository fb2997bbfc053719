// One open file: pread, pwritev, fdatasync, fallocate. Every call runs to its end or reports an
// error; interruptions are hidden, short writes are continued.
#include "io/linux/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "io/linux/os_error.h"

namespace posthorn::io {
namespace {

constexpr size_t kPartsPerCall = 64;
constexpr uint64_t kDirectAlignment = 4096;  // of addresses and offsets, on every common disk
constexpr size_t kDirectBytes = 1u << 20;    // per write

// Repeats a call that a signal interrupted.
template <typename Call>
auto uninterrupted(Call call) {
  auto result = call();
  while (result < 0 && errno == EINTR) result = call();
  return result;
}

struct FreeBlock {
  void operator()(char* block) const { std::free(block); }
};
using AlignedBlock = std::unique_ptr<char[], FreeBlock>;

AlignedBlock aligned_zeros(size_t size) {
  AlignedBlock block(static_cast<char*>(std::aligned_alloc(kDirectAlignment, size)));
  if (block) std::memset(block.get(), 0, size);
  return block;
}

// While it lives, the descriptor writes past the page cache, where its file system can.
class DirectMode {
 public:
  explicit DirectMode(int fd) : fd_(fd), flags_(::fcntl(fd, F_GETFL)) {
    on_ = flags_ >= 0 && ::fcntl(fd_, F_SETFL, flags_ | O_DIRECT) == 0;
  }
  ~DirectMode() {
    if (on_) ::fcntl(fd_, F_SETFL, flags_);
  }
  DirectMode(const DirectMode&) = delete;
  DirectMode& operator=(const DirectMode&) = delete;
  bool on() const { return on_; }

 private:
  const int fd_;
  const int flags_;
  bool on_ = false;
};

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
  return from < size ? File::zero(from, size - from) : Status();
}

// Copying zeros through the page cache costs as much processor time as writing records, in slices
// of milliseconds, and then a burst of all of it at the sync.
Status LinuxFile::zero(uint64_t offset, uint64_t length) {
  const uint64_t end = offset + length;
  const uint64_t from = std::min(end, (offset + kDirectAlignment - 1) & ~(kDirectAlignment - 1));
  PH_TRY(File::zero(offset, from - offset));
  const uint64_t done = zero_directly(from, end & ~(kDirectAlignment - 1));
  return File::zero(done, end - done);
}

// Up to where it got: what it cannot do, the ordinary way does or says why not.
uint64_t LinuxFile::zero_directly(uint64_t offset, uint64_t end) {
  if (offset >= end) return offset;
  const size_t block = static_cast<size_t>(std::min<uint64_t>(end - offset, kDirectBytes));
  const AlignedBlock zeros = aligned_zeros(block);
  const DirectMode direct(fd_.get());
  if (!zeros || !direct.on()) return offset;
  while (offset < end) {
    const ssize_t wrote = uninterrupted([&] {
      return ::pwrite(fd_.get(), zeros.get(), std::min<uint64_t>(block, end - offset),
                      static_cast<off_t>(offset));
    });
    if (wrote <= 0) break;
    offset += static_cast<uint64_t>(wrote);
  }
  return offset;
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
  return File::zero(offset, std::min(length, end - offset));
}

}  // namespace posthorn::io

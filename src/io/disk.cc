// What every disk offers on top of its own calls: zeros, whole files read and replaced.
#include "io/disk.h"

#include <fmt/format.h>

#include <algorithm>

namespace posthorn::io {

namespace {
constexpr uint64_t kZeroBytes = 64 * 1024;  // per write
}  // namespace

Status File::zero(uint64_t offset, uint64_t length) {
  const std::string zeros(std::min(length, kZeroBytes), '\0');
  while (length > 0) {
    const ByteView part = ByteView(zeros).substr(0, length);
    PH_TRY(write(offset, std::array{part}));
    offset += part.size();
    length -= part.size();
  }
  return {};
}

Result<std::string> Disk::read_file(const std::string& path, uint64_t limit) {
  PH_ASSIGN(const std::unique_ptr<File> file, open(path, OpenMode::kRead));
  PH_ASSIGN(const uint64_t size, file->size());
  if (size > limit) {
    return error(Errc::kTooLarge, fmt::format("{} has {} bytes, more than {}", path, size, limit));
  }
  std::string bytes(size, '\0');
  PH_ASSIGN(const size_t got, file->read(0, bytes));
  bytes.resize(got);
  return bytes;
}

Status Disk::replace_file(const std::string& path, ByteView bytes) {
  const std::string temporary = path + ".tmp";
  {
    PH_ASSIGN(const std::unique_ptr<File> file, open(temporary, OpenMode::kCreateOrOpen));
    PH_TRY(file->truncate(0));
    PH_TRY(file->write(0, std::array{bytes}));
    PH_TRY(file->sync());
  }
  PH_TRY(rename(temporary, path));
  return sync_directory(parent_directory(path));
}

std::string parent_directory(const std::string& path) {
  const size_t slash = path.find_last_of('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

}  // namespace posthorn::io

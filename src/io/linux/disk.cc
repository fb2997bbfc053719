// The file system of the machine: names, folders, space and the lock of a data directory.
#include "io/linux/disk.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdio>

#include "io/linux/file.h"
#include "io/linux/os_error.h"

namespace posthorn::io {
namespace {

constexpr mode_t kFileMode = 0600;
constexpr mode_t kFolderMode = 0700;

int open_flags(OpenMode mode) {
  switch (mode) {
    case OpenMode::kRead:
      return O_RDONLY;
    case OpenMode::kReadWrite:
      return O_RDWR;
    case OpenMode::kCreate:
      return O_RDWR | O_CREAT | O_EXCL;
    case OpenMode::kCreateOrOpen:
      return O_RDWR | O_CREAT;
  }
  return O_RDONLY;
}

Result<Descriptor> open_descriptor(const std::string& path, int flags) {
  int fd = -1;
  do {
    fd = ::open(path.c_str(), flags | O_CLOEXEC, kFileMode);
  } while (fd < 0 && errno == EINTR);
  if (fd < 0) return os_error(errno, "open", path);
  return Descriptor(fd);
}

struct CloseFolder {
  void operator()(DIR* folder) const { ::closedir(folder); }
};

// The lock belongs to the open file description: another open of the same file conflicts even in
// the same process, and the system releases it when the process ends in whatever way.
class LinuxDiskLock final : public DiskLock {
 public:
  explicit LinuxDiskLock(Descriptor fd) : fd_(std::move(fd)) {}

 private:
  const Descriptor fd_;
};

std::string holder_of(int fd) {
  char text[16] = {};
  const ssize_t got = ::pread(fd, text, sizeof text - 1, 0);
  int pid = 0;
  if (got > 0) std::from_chars(text, text + got, pid);
  return pid > 0 ? fmt::format("process {}", pid) : "another process";
}

Status take_lock(const Descriptor& fd, short type, const std::string& path) {
  struct flock whole {};
  whole.l_type = type;
  whole.l_whence = SEEK_SET;
  if (::fcntl(fd.get(), F_OFD_SETLK, &whole) == 0) return {};
  if (errno != EAGAIN && errno != EACCES) return os_error(errno, "lock", path);
  return error(Errc::kConflict, fmt::format("{} is held by {}", path, holder_of(fd.get())));
}

// Where the folder can only be read: others may read beside this one, none may write.
Result<std::unique_ptr<DiskLock>> lock_to_read(const std::string& path) {
  PH_ASSIGN(Descriptor fd, open_descriptor(path, O_RDONLY));
  PH_TRY(take_lock(fd, F_RDLCK, path));
  return std::unique_ptr<DiskLock>(std::make_unique<LinuxDiskLock>(std::move(fd)));
}

class LinuxDisk final : public Disk {
 public:
  Result<std::unique_ptr<File>> open(const std::string& path, OpenMode mode) override {
    PH_ASSIGN(Descriptor fd, open_descriptor(path, open_flags(mode)));
    return std::unique_ptr<File>(std::make_unique<LinuxFile>(std::move(fd), path));
  }

  Status remove(const std::string& path) override {
    if (::remove(path.c_str()) != 0) return os_error(errno, "remove", path);
    return {};
  }

  Status rename(const std::string& from, const std::string& to) override {
    if (::rename(from.c_str(), to.c_str()) != 0) return os_error(errno, "rename", from);
    return {};
  }

  Result<std::vector<std::string>> list(const std::string& directory) override {
    const std::unique_ptr<DIR, CloseFolder> folder(::opendir(directory.c_str()));
    if (!folder) return os_error(errno, "list", directory);
    std::vector<std::string> names;
    errno = 0;
    while (const dirent* entry = ::readdir(folder.get())) {
      std::string name = entry->d_name;
      if (name != "." && name != "..") names.push_back(std::move(name));
    }
    if (errno != 0) return os_error(errno, "list", directory);
    std::sort(names.begin(), names.end());
    return names;
  }

  bool exists(const std::string& path) override { return ::access(path.c_str(), F_OK) == 0; }

  Status make_directory(const std::string& path) override {
    if (::mkdir(path.c_str(), kFolderMode) == 0) return {};
    if (errno == ENOENT && parent_directory(path) != path) {
      PH_TRY(make_directory(parent_directory(path)));
      if (::mkdir(path.c_str(), kFolderMode) == 0) return {};
    }
    struct stat about {};
    const int failure = errno;
    if (failure == EEXIST && ::stat(path.c_str(), &about) == 0 && S_ISDIR(about.st_mode)) return {};
    return os_error(failure, "make folder", path);
  }

  Status sync_directory(const std::string& path) override {
    PH_ASSIGN(const Descriptor fd, open_descriptor(path, O_RDONLY | O_DIRECTORY));
    if (::fsync(fd.get()) != 0) return os_error(errno, "fsync folder", path);
    return {};
  }

  Result<DiskSpace> space(const std::string& path) override {
    struct statvfs about {};
    if (::statvfs(path.c_str(), &about) != 0) return os_error(errno, "ask space of", path);
    return DiskSpace{uint64_t{about.f_bavail} * about.f_frsize,
                     uint64_t{about.f_blocks} * about.f_frsize};
  }

  Result<std::unique_ptr<DiskLock>> lock(const std::string& path) override {
    auto opened = open_descriptor(path, O_RDWR | O_CREAT);
    if (!opened.ok() && opened.error().code == Errc::kForbidden) return lock_to_read(path);
    PH_ASSIGN(Descriptor fd, std::move(opened));
    PH_TRY(take_lock(fd, F_WRLCK, path));
    const std::string pid = fmt::format("{}\n", ::getpid());
    if (::ftruncate(fd.get(), 0) != 0 ||
        ::pwrite(fd.get(), pid.data(), pid.size(), 0) != static_cast<ssize_t>(pid.size())) {
      return os_error(errno, "write the holder into", path);
    }
    return std::unique_ptr<DiskLock>(std::make_unique<LinuxDiskLock>(std::move(fd)));
  }

  Status set_mode(const std::string& path, uint32_t mode) override {
    if (::chmod(path.c_str(), mode) != 0) return os_error(errno, "set the mode of", path);
    return {};
  }
};

}  // namespace

std::unique_ptr<Disk> make_linux_disk() { return std::make_unique<LinuxDisk>(); }

}  // namespace posthorn::io

// Files as a parameter. Blocking calls: use them on the commit thread or on a Worker, not on a
// loop, except for small reads at start.
#pragma once
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace posthorn::io {

// One open file. read() is thread-safe; writes belong to one thread at a time. Closed on
// destruction.
class File {
 public:
  virtual ~File() = default;

  // Fills `into` from `offset`; fewer bytes only at the end of the file.
  virtual Result<size_t> read(uint64_t offset, std::span<char> into) = 0;
  // All bytes or an error; after an error any part of them may have been written. kNoSpace when
  // the disk is full.
  virtual Status write(uint64_t offset, std::span<const ByteView> parts) = 0;
  // What was written before is durable when this returns ok. After a failure nothing may be
  // assumed of it, and a second call must not be believed.
  virtual Status sync() = 0;
  virtual Result<uint64_t> size() = 0;
  virtual Status truncate(uint64_t size) = 0;
  // Reserves space so that writes into [0, size) cannot fail for space; the size grows to `size`.
  virtual Status allocate(uint64_t size) = 0;
  // Writes zeros: blocks that were only reserved are written ones from then on. Meant for large
  // ranges, past the caches where the system can; no read() of this object at the same time.
  virtual Status zero(uint64_t offset, uint64_t length);
  // Frees the blocks of a range; it reads as zeros, the size stays.
  virtual Status punch(uint64_t offset, uint64_t length) = 0;
};

enum class OpenMode : uint8_t {
  kRead,       // must exist
  kReadWrite,  // must exist
  kCreate,     // must not exist
  kCreateOrOpen,
};

struct DiskSpace {
  uint64_t free_bytes = 0;  // for this process (not the administrator's reserve)
  uint64_t total_bytes = 0;
};

// A lock on a file that no other process can hold; released on destruction or when the process
// ends.
class DiskLock {
 public:
  virtual ~DiskLock() = default;
};

// Thread-safe. Names made, renamed or removed are durable after sync_directory of their folder.
class Disk {
 public:
  virtual ~Disk() = default;
  virtual Result<std::unique_ptr<File>> open(const std::string& path, OpenMode mode) = 0;
  virtual Status remove(const std::string& path) = 0;
  // Replaces `to` in one step.
  virtual Status rename(const std::string& from, const std::string& to) = 0;
  // Names (not paths) of the entries of a folder, sorted.
  virtual Result<std::vector<std::string>> list(const std::string& directory) = 0;
  virtual bool exists(const std::string& path) = 0;
  // With all missing parents, mode 0700.
  virtual Status make_directory(const std::string& path) = 0;
  virtual Status sync_directory(const std::string& path) = 0;
  virtual Result<DiskSpace> space(const std::string& path) = 0;
  // kConflict when another process holds it; the message names that process where it is known. In a
  // folder that can only be read it keeps out those that write, not others that read.
  virtual Result<std::unique_ptr<DiskLock>> lock(const std::string& path) = 0;
  // Mode bits of a file, e.g. 0600 for secrets.
  virtual Status set_mode(const std::string& path, uint32_t mode) = 0;

  // Reads a whole file of at most `limit` bytes; kTooLarge above.
  Result<std::string> read_file(const std::string& path, uint64_t limit);
  // Writes `path`.tmp, syncs it, renames it over `path` and syncs the folder: after a crash the
  // file holds the old bytes or the new ones.
  Status replace_file(const std::string& path, ByteView bytes);
};

// The folder part of a path ("." when it has none).
std::string parent_directory(const std::string& path);

}  // namespace posthorn::io

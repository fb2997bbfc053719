// A disk in memory for unit tests of file formats: everything is durable at once. Power cuts are
// the business of io/sim; this one only counts, flips bits and runs out of space on request.
#pragma once
#include <atomic>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "io/disk.h"
#include "io/guarded.h"

namespace posthorn::store::testing {

class MemoryDisk final : public io::Disk {
 public:
  Result<std::unique_ptr<io::File>> open(const std::string& path, io::OpenMode mode) override;
  Status remove(const std::string& path) override;
  Status rename(const std::string& from, const std::string& to) override;
  Result<std::vector<std::string>> list(const std::string& directory) override;
  bool exists(const std::string& path) override;
  Status make_directory(const std::string& path) override;
  Status sync_directory(const std::string& path) override;
  Result<io::DiskSpace> space(const std::string& path) override;
  Result<std::unique_ptr<io::DiskLock>> lock(const std::string& path) override;
  Status set_mode(const std::string& path, uint32_t mode) override;

  // The bytes of a file, for tests that damage or compare them; the file must exist.
  std::string bytes(const std::string& path);
  void set_bytes(const std::string& path, std::string bytes);
  // Writes beyond this many bytes in all answer kNoSpace from now on.
  void set_bytes_left(uint64_t bytes) { bytes_left_ = bytes; }

  struct Contents {
    io::Guarded<std::string> bytes;
  };

 private:
  friend class MemoryFile;
  using Names = std::map<std::string, std::shared_ptr<Contents>>;
  io::Guarded<Names> names_;
  io::Guarded<std::set<std::string>> directories_;
  std::atomic<uint64_t> bytes_left_{~0ull};
};

}  // namespace posthorn::store::testing

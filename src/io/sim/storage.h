// The simulated disk as a piece of hardware: tests cut its power, make calls fail, fill it. What
// the program under test sees of it is io/sim/disk.h.
#pragma once
#include <limits>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "io/disk.h"
#include "io/sim/folder_tree.h"
#include "io/sim/schedule.h"

namespace posthorn::io::sim {

enum class DiskCall : uint8_t {
  kRead,
  kWrite,
  kSync,
  kResize,  // truncate, allocate, punch
  kName,    // create, remove, rename, make folder
  kSyncDirectory,
};

// Makes one call fail. A failed write may have written any part; after a failed sync the unsynced
// bytes are lost at the next power cut whatever later syncs say.
struct DiskFault {
  DiskCall call = DiskCall::kSync;
  uint64_t nth = 1;  // 1: the next such call
  Errc code = Errc::kIo;
  std::string path_contains;  // empty: of any file
};

// How long calls block, about (half of it to twice as long).
struct DiskTiming {
  nanoseconds read{50'000};
  nanoseconds write{20'000};
  nanoseconds sync{500'000};
};

class Storage {
 public:
  explicit Storage(Schedule& schedule) : schedule_(schedule) {}

  // Calls so far that change something (all but reads).
  uint64_t changes() const { return changes_; }
  // After so many more changing calls the power is gone: every call fails with kIo until reboot().
  void cut_power_after(uint64_t changes) { cut_at_ = changes_ + changes; }
  bool powered() const { return changes_ < cut_at_; }
  // The power comes back, after a cut that was announced or right now. Files and locks that were
  // open are dead.
  void reboot(PowerCut how);

  void inject(DiskFault fault) { faults_.push_back(std::move(fault)); }
  void set_quota(uint64_t bytes) { quota_bytes_ = bytes; }
  // As a file system that is mounted so: changes fail with kForbidden, also after a reboot.
  void set_read_only(bool read_only) { read_only_ = read_only; }
  void set_timing(const DiskTiming& timing) { timing_ = timing; }
  // As another process would; kConflict when it is held.
  Status hold_lock_elsewhere(const std::string& path) { return take_lock(path, "process 4711"); }
  void release_lock(const std::string& path) { locks_.erase(path); }
  // The disk as it is, everything on it synced, to be put into other machines as often as needed:
  // what they do to it stays with them. Locks are not part of it.
  FolderTree image() const { return tree_.synced_copy(); }
  // In place of what is there; nothing may be open.
  void insert_disk(const FolderTree& image) { tree_ = image.synced_copy(); }
  // Damages a stored byte; kNotFound without such a file.
  Status flip_bits(const std::string& path, uint64_t offset, uint8_t mask);

 private:
  friend class SimDisk;
  friend class SimFile;
  friend class SimDiskLock;

  // Before each call: power, time, faults. kIo and friends when it must fail.
  Status begin(DiskCall call, const std::string& path);
  Status take_lock(const std::string& path, const std::string& holder);
  // kNoSpace when the quota does not allow so many pages more.
  Status check_space(uint64_t pages) const;

  Schedule& schedule_;
  FolderTree tree_;
  uint64_t boot_ = 1;
  uint64_t changes_ = 0;
  uint64_t cut_at_ = std::numeric_limits<uint64_t>::max();
  uint64_t quota_bytes_ = uint64_t{1} << 40;
  bool read_only_ = false;
  std::vector<DiskFault> faults_;
  DiskTiming timing_;
  std::map<std::string, std::string> locks_;  // path, holder
};

}  // namespace posthorn::io::sim

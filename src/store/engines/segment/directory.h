// The folders and files of a segment store, its format number, its lock, and the probe that tells
// whether the disk still syncs. Called once, at open.
#pragma once
#include <memory>
#include <string>

#include "io/disk.h"

namespace posthorn::store::segment {

struct DirectoryLayout {
  std::string root;
  std::string segments() const { return root + "/segments"; }
  std::string index() const { return root + "/index"; }
  std::string keys() const { return root + "/keys"; }
  std::string outcomes() const { return root + "/outcomes"; }
  std::string due() const { return root + "/due"; }
  std::string payloads() const { return root + "/payloads"; }
  std::string checkpoints() const { return root + "/checkpoints"; }
};

struct OpenedDirectory {
  std::unique_ptr<io::DiskLock> lock;  // null on a disk that cannot be written
  std::optional<Error> read_only;      // why nothing may be written
};

// Makes what is missing. kConflict when another process has it, kUnsupported when its format is
// newer than this build's.
Result<OpenedDirectory> open_directory(io::Disk& disk, const DirectoryLayout& layout);

}  // namespace posthorn::store::segment

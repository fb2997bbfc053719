// SQLite's file system calls over io/disk.h, clock and randomness over the host, so that the same
// database runs on the real disk and on the simulated one. Used by database.cc only.
#pragma once
#include <memory>
#include <string>

#include "io/host.h"

namespace posthorn::store::sqlite {

// Registered under name() as long as it lives; it must outlive every database opened with it.
// There are no file locks: the folder is locked by whoever opens the store, and the database runs
// in exclusive mode. Not thread-safe.
class DiskVfs {
 public:
  // `read_only`: opens files for reading only; a log that is not there reads as an empty one, since
  // SQLite wants one. Every change fails.
  DiskVfs(io::Host& host, bool read_only);
  ~DiskVfs();
  DiskVfs(const DiskVfs&) = delete;
  DiskVfs& operator=(const DiskVfs&) = delete;

  const std::string& name() const;
  // What the disk said last; SQLite itself keeps only a code.
  const Error& last_error() const;
  // A sync has failed once: no write is believed any more, every later one fails.
  bool sync_failed() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace posthorn::store::sqlite

// A bounded number of files kept open for reading, the least recently used closed first. Used by
// the block cache and by reads of sealed segments; never writes.
#pragma once
#include <list>
#include <memory>
#include <string>
#include <unordered_map>

#include "io/disk.h"
#include "io/guarded.h"

namespace posthorn::store::segment {

// Thread-safe. Files handed out stay open while they are held, so up to one more per reading
// thread may be open.
class OpenFiles {
 public:
  OpenFiles(io::Disk& disk, size_t files_max) : disk_(disk), files_max_(files_max) {}

  Result<std::shared_ptr<io::File>> open(const std::string& path);
  // To be called when a path is removed, or written anew under the same name.
  void forget(const std::string& path);

 private:
  struct Held {
    std::string path;
    std::shared_ptr<io::File> file;
  };
  struct State {
    std::list<Held> by_use;  // the latest first
    std::unordered_map<std::string, std::list<Held>::iterator> by_path;
  };

  io::Disk& disk_;
  const size_t files_max_;
  io::Guarded<State> state_;
};

}  // namespace posthorn::store::segment

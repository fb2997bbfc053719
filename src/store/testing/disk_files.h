// The files of a store's directory as values: to look at them, damage them, and put them on
// another disk.
#pragma once
#include <map>
#include <string>

#include "io/disk.h"

namespace posthorn::store::testing {

using Files = std::map<std::string, std::string>;  // by path below the directory

// All but the lock, of a store of the segment engine.
inline Files files_of(io::Disk& disk, const std::string& root) {
  constexpr uint64_t kFileBytesMax = 1u << 26;
  Files files;
  for (const char* folder :
       {"", "/segments", "/index", "/keys", "/outcomes", "/due", "/payloads", "/checkpoints"}) {
    const auto names = disk.list(root + folder);
    if (!names.ok()) continue;
    for (const std::string& name : *names) {
      auto bytes = disk.read_file(root + folder + "/" + name, kFileBytesMax);
      if (bytes.ok() && name != "LOCK") {
        files[std::string(folder) + "/" + name] = std::move(bytes).value();
      }
    }
  }
  return files;
}

inline Status put_files(io::Disk& disk, const std::string& root, const Files& files) {
  for (const auto& [name, bytes] : files) {
    const std::string path = root + name;
    PH_TRY(disk.make_directory(io::parent_directory(path)));
    PH_ASSIGN(const auto file, disk.open(path, io::OpenMode::kCreateOrOpen));
    PH_TRY(file->write(0, std::array{ByteView(bytes)}));
  }
  return {};
}

}  // namespace posthorn::store::testing

// The open-file cache: a list by last use and a map by path.
#include "store/engines/segment/open_files.h"

namespace posthorn::store::segment {

Result<std::shared_ptr<io::File>> OpenFiles::open(const std::string& path) {
  auto held = state_.with([&](State& state) -> std::shared_ptr<io::File> {
    const auto found = state.by_path.find(path);
    if (found == state.by_path.end()) return nullptr;
    state.by_use.splice(state.by_use.begin(), state.by_use, found->second);
    return found->second->file;
  });
  if (held) return held;

  PH_ASSIGN(std::shared_ptr<io::File> file, disk_.open(path, io::OpenMode::kRead));
  // Closing happens when `closed` goes out of scope, outside the lock.
  std::shared_ptr<io::File> closed;
  state_.with([&](State& state) {
    if (state.by_path.contains(path)) return;  // another thread was faster
    state.by_use.push_front(Held{path, file});
    state.by_path[path] = state.by_use.begin();
    if (state.by_use.size() <= files_max_) return;
    closed = std::move(state.by_use.back().file);
    state.by_path.erase(state.by_use.back().path);
    state.by_use.pop_back();
  });
  return file;
}

void OpenFiles::forget(const std::string& path) {
  std::shared_ptr<io::File> closed;
  state_.with([&](State& state) {
    const auto found = state.by_path.find(path);
    if (found == state.by_path.end()) return;
    closed = std::move(found->second->file);
    state.by_use.erase(found->second);
    state.by_path.erase(found);
  });
}

}  // namespace posthorn::store::segment

// The names of a simulated disk.
#include "io/sim/folder_tree.h"

#include <set>

#include "io/disk.h"

namespace posthorn::io::sim {
namespace {

bool is_root(const std::string& path) { return path == "/" || path == "." || path.empty(); }

Error not_found(const std::string& path) {
  return error(Errc::kNotFound, path + ": no such file or folder");
}

}  // namespace

std::optional<FolderTree::Node> FolderTree::find(const std::string& path) const {
  const auto at = names_.find(path);
  if (at == names_.end()) return std::nullopt;
  return at->second;
}

bool FolderTree::is_folder(const std::string& path) const {
  if (is_root(path)) return true;
  const auto node = find(path);
  return node.has_value() && *node == nullptr;
}

void FolderTree::apply(const Change& change, Names& to) {
  for (const auto& [path, node] : change) {
    if (node.has_value()) {
      to[path] = *node;
    } else {
      to.erase(path);
    }
  }
}

void FolderTree::change(const std::string& folder, Change change) {
  apply(change, names_);
  unsynced_[folder].push_back(std::move(change));
}

Status FolderTree::create(const std::string& path, Node node) {
  const std::string folder = parent_directory(path);
  if (!is_folder(folder)) return not_found(folder);
  if (find(path)) return error(Errc::kConflict, path + ": exists");
  change(folder, {{path, std::move(node)}});
  return {};
}

Status FolderTree::remove(const std::string& path) {
  const auto node = find(path);
  if (!node) return not_found(path);
  if (*node == nullptr) {
    PH_ASSIGN(const auto inside, list(path));
    if (!inside.empty()) return error(Errc::kConflict, path + ": folder not empty");
  }
  change(parent_directory(path), {{path, std::nullopt}});
  return {};
}

Status FolderTree::rename(const std::string& from, const std::string& to) {
  const auto node = find(from);
  const std::string source = parent_directory(from), target = parent_directory(to);
  if (!node) return not_found(from);
  if (!is_folder(target)) return not_found(target);
  if (*node == nullptr || is_folder(to)) {
    return error(Errc::kUnsupported, from + ": renaming folders is not simulated");
  }
  if (source == target) {
    change(target, {{from, std::nullopt}, {to, *node}});
  } else {
    change(target, {{to, *node}});
    change(source, {{from, std::nullopt}});
  }
  return {};
}

Result<std::vector<std::string>> FolderTree::list(const std::string& folder) const {
  if (!is_folder(folder)) return not_found(folder);
  std::vector<std::string> found;
  for (const auto& [path, node] : names_) {
    if (parent_directory(path) == folder) found.push_back(path.substr(path.rfind('/') + 1));
  }
  return found;
}

Status FolderTree::sync(const std::string& folder) {
  if (!is_folder(folder)) return not_found(folder);
  for (const Change& change : unsynced_[folder]) apply(change, durable_);
  unsynced_.erase(folder);
  return {};
}

void FolderTree::cut_power(PowerCut how, Rng& rng) {
  for (const auto& [folder, changes] : unsynced_) {
    size_t kept = how == PowerCut::kKeep ? changes.size() : 0;
    if (how == PowerCut::kTear) kept = rng.below(changes.size() + 1);
    for (size_t i = 0; i < kept; ++i) apply(changes[i], durable_);
  }
  unsynced_.clear();
  names_ = durable_;
  // A name whose folder is gone cannot be reached. Folders sort before what is in them.
  for (auto at = names_.begin(); at != names_.end();) {
    at = is_folder(parent_directory(at->first)) ? std::next(at) : names_.erase(at);
  }
  durable_ = names_;
  std::set<FileImage*> cut;  // after torn renames a file may have two names
  for (const auto& [path, node] : names_) {
    if (node && cut.insert(node.get()).second) node->cut_power(how, rng);
  }
}

FolderTree FolderTree::synced_copy() const {
  FolderTree copy;
  for (const auto& [path, node] : names_) {
    Node made = node ? std::make_shared<FileImage>(*node) : nullptr;
    if (made) made->sync();
    copy.names_.emplace(path, std::move(made));
  }
  copy.durable_ = copy.names_;
  return copy;
}

uint64_t FolderTree::pages_used() const {
  uint64_t pages = 0;
  for (const auto& [path, node] : names_) pages += node ? node->pages_used() : 0;
  return pages;
}

}  // namespace posthorn::io::sim

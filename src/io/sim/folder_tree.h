// The names of a simulated disk: which there are, and which of them would be there after a power
// cut. Changes of one folder become durable in their order.
#pragma once
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "io/sim/file_image.h"

namespace posthorn::io::sim {

class FolderTree {
 public:
  // Null for a folder.
  using Node = std::shared_ptr<FileImage>;

  std::optional<Node> find(const std::string& path) const;
  bool is_folder(const std::string& path) const;
  Status create(const std::string& path, Node node);
  Status remove(const std::string& path);
  // Files only.
  Status rename(const std::string& from, const std::string& to);
  Result<std::vector<std::string>> list(const std::string& folder) const;
  Status sync(const std::string& folder);
  // Names not synced go, stay, or (kTear) stay up to some change of their folder. Contents are cut
  // too.
  void cut_power(PowerCut how, Rng& rng);
  uint64_t pages_used() const;
  // What is there now as what is durable; cheap, see FileImage. A file with two names becomes two.
  FolderTree synced_copy() const;

 private:
  // One step of a folder: names that appear with their nodes, or disappear.
  using Change = std::vector<std::pair<std::string, std::optional<Node>>>;
  using Names = std::map<std::string, Node>;
  static void apply(const Change& change, Names& to);
  void change(const std::string& folder, Change change);

  Names names_;
  Names durable_;
  std::map<std::string, std::vector<Change>> unsynced_;  // by folder
};

}  // namespace posthorn::io::sim

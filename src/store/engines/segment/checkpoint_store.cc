// The folder of checkpoints: which generations there are, the newest sound one, and the removal of
// what no kept one names.
#include <algorithm>
#include <unordered_set>

#include "base/log.h"
#include "store/engines/segment/block_file_writer.h"
#include "store/engines/segment/checkpoint_format.h"
#include "store/engines/segment/file_names.h"

namespace posthorn::store::segment {
namespace {

constexpr std::string_view kSuffix = "checkpoint";

std::string_view last_part(std::string_view path) { return path.substr(path.rfind('/') + 1); }

class Store final : public CheckpointStore {
 public:
  Store(io::Disk& disk, CheckpointStoreOptions options)
      : disk_(disk), options_(std::move(options)) {}

  Status list();
  Result<std::shared_ptr<const Checkpoint>> newest() override;
  void fall_back(uint64_t generation) override {
    ceiling_ = std::min(ceiling_, generation);
    previous_.reset();
    looked_ = false;
  }
  Result<std::unique_ptr<CheckpointWriter>> begin() override;
  Result<uint64_t> commit(std::unique_ptr<CheckpointWriter> writer,
                          std::vector<std::string> files) override;

 private:
  struct Kept {
    uint64_t generation = 0;
    std::vector<std::string> files;
  };

  std::string path_of(uint64_t generation) const {
    return path_in(options_.directory, number_name(generation, kSuffix));
  }
  std::vector<std::string> files_of(const Checkpoint& checkpoint) const;
  Result<bool> files_exist(const Kept& checkpoint);
  Status remove_other_checkpoints(uint64_t newest);
  Status remove_unnamed(const Kept& newest);

  io::Disk& disk_;
  const CheckpointStoreOptions options_;
  std::vector<uint64_t> generations_;  // ascending; of the files in the folder
  uint64_t ceiling_ = ~0ull;           // this and newer ones are damaged
  bool looked_ = false;                // previous_ is known
  std::optional<Kept> previous_;       // the newest sound one
  std::vector<std::string> owned_;     // files in owned folders when begin() was called
};

Status Store::list() {
  PH_TRY(disk_.make_directory(options_.directory));
  PH_ASSIGN(const auto names, disk_.list(options_.directory));
  for (const std::string& name : names) {
    if (const auto generation = parse_number_name(name, kSuffix)) {
      generations_.push_back(*generation);
    } else if (name.ends_with(".tmp")) {
      PH_TRY(remove_left_over(disk_, path_in(options_.directory, name)));
    }
  }
  std::sort(generations_.begin(), generations_.end());
  return {};
}

// The data directory may have been moved, or be named another way, since the checkpoint was
// written: what counts of a path is the file and its folder.
std::vector<std::string> Store::files_of(const Checkpoint& checkpoint) const {
  std::vector<std::string> files = checkpoint.files();
  for (std::string& file : files) {
    const size_t slash = file.rfind('/');
    if (slash == std::string::npos) continue;
    const std::string_view folder_then = last_part(std::string_view(file).substr(0, slash));
    for (const std::string& folder : options_.owned_folders) {
      if (last_part(folder) != folder_then) continue;
      file = path_in(folder, last_part(file));
      break;
    }
  }
  return files;
}

Result<bool> Store::files_exist(const Kept& checkpoint) {
  std::unordered_set<std::string> there;
  for (const std::string& folder : options_.owned_folders) {
    PH_ASSIGN(const auto names, disk_.list(folder));
    for (const std::string& name : names) there.insert(path_in(folder, name));
  }
  for (const std::string& file : checkpoint.files) {
    if (there.contains(file)) continue;
    log(LogLevel::kError, "store", "checkpoint {} names {}, which is missing",
        checkpoint.generation, file);
    return false;
  }
  return true;
}

Result<std::shared_ptr<const Checkpoint>> Store::newest() {
  looked_ = true;
  previous_.reset();
  for (size_t i = generations_.size(); i-- > 0;) {
    const uint64_t generation = generations_[i];
    if (generation >= ceiling_) continue;
    auto loaded = load_checkpoint(disk_, path_of(generation));
    // A newer format is no damage: an older checkpoint would undo what the newer build did.
    if (!loaded.ok() && loaded.error().code == Errc::kUnsupported) return loaded;
    if (!loaded.ok()) {
      log(LogLevel::kError, "store", "checkpoint {} is damaged and left out: {}", generation,
          loaded.error().message);
      continue;
    }
    Kept found{generation, files_of(**loaded)};
    PH_ASSIGN(const bool whole, files_exist(found));
    if (!whole) continue;
    previous_ = std::move(found);
    return loaded;
  }
  return std::shared_ptr<const Checkpoint>();
}

Result<std::unique_ptr<CheckpointWriter>> Store::begin() {
  if (!looked_) PH_TRY(newest());
  owned_.clear();
  for (const std::string& folder : options_.owned_folders) {
    PH_ASSIGN(const auto names, disk_.list(folder));
    for (const std::string& name : names) {
      if (!name.ends_with(".tmp")) owned_.push_back(path_in(folder, name));
    }
  }
  const uint64_t generation = generations_.empty() ? 1 : generations_.back() + 1;
  PH_ASSIGN(auto file, BlockFileWriter::create(disk_, path_of(generation)));
  return std::unique_ptr<CheckpointWriter>(std::make_unique<CheckpointFileWriter>(std::move(file)));
}

Result<uint64_t> Store::commit(std::unique_ptr<CheckpointWriter> writer,
                               std::vector<std::string> files) {
  // begin() makes no other kind.
  auto& file = static_cast<CheckpointFileWriter&>(*writer);
  const uint64_t generation = generations_.empty() ? 1 : generations_.back() + 1;
  PH_TRY(file.finish(generation, files));
  generations_.push_back(generation);
  Kept newest{generation, std::move(files)};
  PH_TRY(remove_other_checkpoints(generation));
  PH_TRY(remove_unnamed(newest));
  previous_ = std::move(newest);
  ceiling_ = ~0ull;  // what it kept out is gone
  return generation;
}

// The removal is durable before the files go that a removed checkpoint names, so that no
// checkpoint is ever there without them.
Status Store::remove_other_checkpoints(uint64_t newest) {
  std::vector<uint64_t> kept;
  for (const uint64_t generation : generations_) {
    if (generation == newest || (previous_ && generation == previous_->generation)) {
      kept.push_back(generation);
    } else {
      PH_TRY(disk_.remove(path_of(generation)));
    }
  }
  if (kept.size() != generations_.size()) PH_TRY(disk_.sync_directory(options_.directory));
  generations_ = std::move(kept);
  return {};
}

Status Store::remove_unnamed(const Kept& newest) {
  std::unordered_set<std::string_view> named(newest.files.begin(), newest.files.end());
  if (previous_) named.insert(previous_->files.begin(), previous_->files.end());
  for (const std::string& path : owned_) {
    if (!named.contains(path)) PH_TRY(disk_.remove(path));
  }
  owned_.clear();
  return {};
}

}  // namespace

Result<std::unique_ptr<CheckpointStore>> CheckpointStore::open(io::Disk& disk,
                                                               CheckpointStoreOptions options) {
  for (const std::string& folder : options.owned_folders) {
    PH_TRY(disk.make_directory(folder));
    PH_ASSIGN(const auto names, disk.list(folder));
    for (const std::string& name : names) {
      if (name.ends_with(".tmp")) PH_TRY(remove_left_over(disk, path_in(folder, name)));
    }
  }
  auto store = std::make_unique<Store>(disk, std::move(options));
  PH_TRY(store->list());
  return std::unique_ptr<CheckpointStore>(std::move(store));
}

}  // namespace posthorn::store::segment

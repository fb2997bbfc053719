// Files and names of the simulated disk.
#include "io/sim/disk.h"

#include <algorithm>

#include "io/sim/storage.h"

namespace posthorn::io::sim {

class SimFile final : public File {
 public:
  SimFile(Storage& storage, FolderTree::Node image, std::string path, bool writable)
      : storage_(storage),
        image_(std::move(image)),
        path_(std::move(path)),
        writable_(writable),
        boot_(storage.boot_) {}

  Result<size_t> read(uint64_t offset, std::span<char> into) override {
    PH_TRY(begin(DiskCall::kRead));
    return image_->read(offset, into);
  }

  Status write(uint64_t offset, std::span<const ByteView> parts) override {
    std::string bytes;
    for (const ByteView part : parts) bytes.append(part);
    if (Status fault = begin(DiskCall::kWrite); !fault.ok()) {
      if (alive()) image_->write(offset, ByteView(bytes).substr(0, any_part(bytes.size())));
      return fault;
    }
    PH_TRY(storage_.check_space(image_->pages_needed(offset, bytes.size())));
    image_->write(offset, bytes);
    return {};
  }

  Status sync() override {
    if (Status fault = begin(DiskCall::kSync); !fault.ok()) {
      if (alive()) image_->fail_sync();
      return fault;
    }
    image_->sync();
    return {};
  }

  Result<uint64_t> size() override {
    PH_TRY(begin(DiskCall::kRead));
    return image_->size();
  }

  Status truncate(uint64_t size) override {
    PH_TRY(begin(DiskCall::kResize));
    image_->truncate(size);
    return {};
  }

  Status allocate(uint64_t size) override {
    PH_TRY(begin(DiskCall::kResize));
    PH_TRY(storage_.check_space(image_->pages_needed(0, size)));
    image_->allocate(size);
    return {};
  }

  Status punch(uint64_t offset, uint64_t length) override {
    PH_TRY(begin(DiskCall::kResize));
    image_->punch(offset, length);
    return {};
  }

 private:
  // Still the same run of the machine, with power.
  bool alive() const { return boot_ == storage_.boot_ && storage_.powered(); }

  Status begin(DiskCall call) {
    if (boot_ != storage_.boot_) return error(Errc::kIo, path_ + ": opened before the power cut");
    if (call != DiskCall::kRead && !writable_) {
      return error(Errc::kForbidden, path_ + ": opened for reading");
    }
    return storage_.begin(call, path_);
  }

  size_t any_part(size_t size) { return storage_.schedule_.rng().below(size + 1); }

  Storage& storage_;
  const FolderTree::Node image_;
  const std::string path_;
  const bool writable_;
  const uint64_t boot_;
};

class SimDiskLock final : public DiskLock {
 public:
  SimDiskLock(Storage& storage, std::string path)
      : storage_(storage), path_(std::move(path)), boot_(storage.boot_) {}
  SimDiskLock(const SimDiskLock&) = delete;
  SimDiskLock& operator=(const SimDiskLock&) = delete;
  ~SimDiskLock() override {
    if (boot_ == storage_.boot_) storage_.release_lock(path_);
  }

 private:
  Storage& storage_;
  const std::string path_;
  const uint64_t boot_;
};

namespace {

// "/data//log/" is "/data/log".
std::string normal(const std::string& path) {
  std::string clean;
  for (const char c : path) {
    if (c != '/' || clean.empty() || clean.back() != '/') clean += c;
  }
  if (clean.size() > 1 && clean.back() == '/') clean.pop_back();
  return clean;
}

}  // namespace

class SimDisk final : public Disk {
 public:
  explicit SimDisk(Storage& storage) : storage_(storage) {}

  Result<std::unique_ptr<File>> open(const std::string& given, OpenMode mode) override {
    const std::string path = normal(given);
    auto node = storage_.tree_.find(path);
    const bool create = mode == OpenMode::kCreate || mode == OpenMode::kCreateOrOpen;
    PH_TRY(storage_.begin(create && !node ? DiskCall::kName : DiskCall::kRead, path));
    if (node && *node == nullptr) return error(Errc::kInvalid, path + ": is a folder");
    if (node && mode != OpenMode::kRead && storage_.read_only_) {
      return error(Errc::kForbidden, path + ": the file system is read-only");
    }
    if (node && mode == OpenMode::kCreate) return error(Errc::kConflict, path + ": exists");
    if (!node && !create) return error(Errc::kNotFound, path + ": no such file");
    if (!node) {
      node = std::make_shared<FileImage>();
      PH_TRY(storage_.tree_.create(path, *node));
    }
    return std::unique_ptr<File>(
        std::make_unique<SimFile>(storage_, *node, path, mode != OpenMode::kRead));
  }

  Status remove(const std::string& path) override {
    PH_TRY(storage_.begin(DiskCall::kName, normal(path)));
    return storage_.tree_.remove(normal(path));
  }

  Status rename(const std::string& from, const std::string& to) override {
    PH_TRY(storage_.begin(DiskCall::kName, normal(from)));
    return storage_.tree_.rename(normal(from), normal(to));
  }

  Result<std::vector<std::string>> list(const std::string& directory) override {
    PH_TRY(storage_.begin(DiskCall::kRead, normal(directory)));
    return storage_.tree_.list(normal(directory));
  }

  bool exists(const std::string& path) override {
    return storage_.powered() && (storage_.tree_.find(normal(path)).has_value() ||
                                  storage_.tree_.is_folder(normal(path)));
  }

  Status make_directory(const std::string& given) override {
    const std::string path = normal(given);
    if (storage_.tree_.is_folder(path)) return {};
    if (parent_directory(path) != path) PH_TRY(make_directory(parent_directory(path)));
    PH_TRY(storage_.begin(DiskCall::kName, path));
    return storage_.tree_.create(path, nullptr);
  }

  Status sync_directory(const std::string& path) override {
    PH_TRY(storage_.begin(DiskCall::kSyncDirectory, normal(path)));
    return storage_.tree_.sync(normal(path));
  }

  Result<DiskSpace> space(const std::string& path) override {
    PH_TRY(storage_.begin(DiskCall::kRead, normal(path)));
    const uint64_t used = storage_.tree_.pages_used() * FileImage::kPageBytes;
    return DiskSpace{storage_.quota_bytes_ - std::min(used, storage_.quota_bytes_),
                     storage_.quota_bytes_};
  }

  Result<std::unique_ptr<DiskLock>> lock(const std::string& path) override {
    // The lock is a file, as on a real disk.
    PH_TRY(std::move(open(path, OpenMode::kCreateOrOpen)).context("lock"));
    PH_TRY(storage_.take_lock(normal(path), "process 1"));
    return std::unique_ptr<DiskLock>(std::make_unique<SimDiskLock>(storage_, normal(path)));
  }

  Status set_mode(const std::string& path, uint32_t /*mode*/) override {
    PH_TRY(storage_.begin(DiskCall::kName, normal(path)));
    if (!storage_.tree_.find(normal(path))) {
      return error(Errc::kNotFound, path + ": no such file");
    }
    return {};
  }

 private:
  Storage& storage_;
};

std::unique_ptr<Disk> make_sim_disk(Storage& storage) { return std::make_unique<SimDisk>(storage); }

}  // namespace posthorn::io::sim

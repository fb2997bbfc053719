// The in-memory disk: a map from paths to strings.
#include "store/testing/memory_disk.h"

#include <algorithm>
#include <cstring>

namespace posthorn::store::testing {

class MemoryFile final : public io::File {
 public:
  MemoryFile(MemoryDisk& disk, std::shared_ptr<MemoryDisk::Contents> contents)
      : disk_(disk), contents_(std::move(contents)) {}

  Result<size_t> read(uint64_t offset, std::span<char> into) override {
    return contents_->bytes.with([&](const std::string& bytes) -> Result<size_t> {
      if (offset >= bytes.size()) return size_t{0};
      return bytes.copy(into.data(), into.size(), offset);
    });
  }
  Status write(uint64_t offset, std::span<const ByteView> parts) override {
    size_t size = 0;
    for (const ByteView part : parts) size += part.size();
    if (disk_.bytes_left_ < size) return error(Errc::kNoSpace, "the disk is full");
    disk_.bytes_left_ -= size;
    contents_->bytes.with([&](std::string& bytes) {
      if (bytes.size() < offset + size) bytes.resize(offset + size);
      for (const ByteView part : parts) {
        bytes.replace(offset, part.size(), part);
        offset += part.size();
      }
    });
    return {};
  }
  Status sync() override { return {}; }
  Result<uint64_t> size() override {
    return contents_->bytes.with([](const std::string& b) -> Result<uint64_t> { return b.size(); });
  }
  Status truncate(uint64_t size) override {
    contents_->bytes.with([&](std::string& bytes) { bytes.resize(size); });
    return {};
  }
  Status allocate(uint64_t size) override {
    contents_->bytes.with([&](std::string& b) { b.resize(std::max<size_t>(b.size(), size)); });
    return {};
  }
  Status punch(uint64_t offset, uint64_t length) override {
    contents_->bytes.with([&](std::string& bytes) {
      const size_t end = std::min<size_t>(bytes.size(), offset + length);
      if (offset < end) std::memset(bytes.data() + offset, 0, end - offset);
    });
    return {};
  }

 private:
  MemoryDisk& disk_;
  std::shared_ptr<MemoryDisk::Contents> contents_;
};

namespace {
Error missing(const std::string& path) { return error(Errc::kNotFound, path + " is missing"); }
}  // namespace

Result<std::unique_ptr<io::File>> MemoryDisk::open(const std::string& path, io::OpenMode mode) {
  using Opened = Result<std::unique_ptr<io::File>>;
  return names_.with([&](Names& names) -> Opened {
    const auto found = names.find(path);
    const bool there = found != names.end();
    if (mode == io::OpenMode::kCreate && there) return error(Errc::kConflict, path + " exists");
    if ((mode == io::OpenMode::kRead || mode == io::OpenMode::kReadWrite) && !there)
      return missing(path);
    auto contents = there ? found->second : std::make_shared<Contents>();
    if (!there) names[path] = contents;
    return std::unique_ptr<io::File>(std::make_unique<MemoryFile>(*this, std::move(contents)));
  });
}

Status MemoryDisk::remove(const std::string& path) {
  const bool removed = names_.with([&](Names& names) { return names.erase(path) > 0; });
  return removed ? Status{} : Status(missing(path));
}

Status MemoryDisk::rename(const std::string& from, const std::string& to) {
  return names_.with([&](Names& names) -> Status {
    const auto found = names.find(from);
    if (found == names.end()) return missing(from);
    auto contents = found->second;
    names.erase(found);
    names[to] = std::move(contents);
    return {};
  });
}

Result<std::vector<std::string>> MemoryDisk::list(const std::string& directory) {
  return names_.with([&](const Names& names) -> Result<std::vector<std::string>> {
    std::vector<std::string> found;
    const std::string prefix = directory + "/";
    for (const auto& [path, contents] : names) {
      if (!path.starts_with(prefix)) continue;
      const std::string name = path.substr(prefix.size());
      if (name.find('/') == std::string::npos) found.push_back(name);
    }
    return found;
  });
}

bool MemoryDisk::exists(const std::string& path) {
  if (names_.with([&](const Names& names) { return names.contains(path); })) return true;
  return directories_.with([&](const auto& made) { return made.contains(path); });
}

Status MemoryDisk::make_directory(const std::string& path) {
  directories_.with([&](auto& made) { made.insert(path); });
  return {};
}

Status MemoryDisk::sync_directory(const std::string&) { return {}; }
Result<io::DiskSpace> MemoryDisk::space(const std::string&) {
  return io::DiskSpace{bytes_left_, ~0ull};
}
Result<std::unique_ptr<io::DiskLock>> MemoryDisk::lock(const std::string&) {
  return std::make_unique<io::DiskLock>();
}
Status MemoryDisk::set_mode(const std::string&, uint32_t) { return {}; }

std::string MemoryDisk::bytes(const std::string& path) {
  auto contents = names_.with([&](const Names& names) { return names.at(path); });
  return contents->bytes.with([](const std::string& bytes) { return bytes; });
}

void MemoryDisk::set_bytes(const std::string& path, std::string bytes) {
  auto contents = names_.with([&](Names& names) {
    auto& held = names[path];
    if (!held) held = std::make_shared<Contents>();
    return held;
  });
  contents->bytes.with([&](std::string& held) { held = std::move(bytes); });
}

}  // namespace posthorn::store::testing

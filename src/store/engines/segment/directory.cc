// Opening the directory of a store.
#include "store/engines/segment/directory.h"

#include <fmt/format.h>

#include <charconv>
#include <optional>

#include "store/engines/segment/log_format.h"

namespace posthorn::store::segment {
namespace {

constexpr std::string_view kFormatPrefix = "posthorn store, format ";
constexpr uint64_t kFormatFileBytesMax = 256;

Status check_format(io::Disk& disk, const std::string& path) {
  if (!disk.exists(path)) {
    return disk.replace_file(path, fmt::format("{}{}\n", kFormatPrefix, kFormatVersion));
  }
  PH_ASSIGN(const std::string text, disk.read_file(path, kFormatFileBytesMax));
  uint32_t version = 0;
  const std::string_view line(text);
  if (!line.starts_with(kFormatPrefix)) {
    return error(Errc::kUnsupported, fmt::format("{} is not of a store of ours", path));
  }
  const std::string_view digits = line.substr(kFormatPrefix.size());
  const auto [end, failure] =
      std::from_chars(digits.data(), digits.data() + digits.size(), version);
  if (failure != std::errc() || *end != '\n') {
    return error(Errc::kUnsupported, fmt::format("{} names no format", path));
  }
  if (version > kFormatVersion) {
    return error(Errc::kUnsupported,
                 fmt::format("the data directory is of format {}, this build reads up to {}: use "
                             "the newer build",
                             version, kFormatVersion));
  }
  return {};
}

Status make_folders(io::Disk& disk, const DirectoryLayout& layout) {
  for (const std::string& folder :
       {layout.segments(), layout.index(), layout.keys(), layout.outcomes(), layout.due(),
        layout.payloads(), layout.checkpoints()}) {
    PH_TRY(disk.make_directory(folder));
  }
  PH_TRY(disk.sync_directory(layout.root));
  return disk.sync_directory(io::parent_directory(layout.root));
}

// Writes and syncs a small file in place; its blocks are there after the first time.
Status probe_sync(io::Disk& disk, const std::string& path) {
  PH_ASSIGN(const auto file, disk.open(path, io::OpenMode::kCreateOrOpen));
  constexpr std::string_view kText = "probe of sync at start\n";
  if (const Status written = file->write(0, std::array{ByteView(kText)}); !written.ok()) {
    // A full disk is another matter, handled where space is watched.
    return written.error().code == Errc::kNoSpace ? Status() : written;
  }
  return file->sync();
}

}  // namespace

Result<OpenedDirectory> open_directory(io::Disk& disk, const DirectoryLayout& layout) {
  OpenedDirectory opened;
  const auto note = [&](const Status& step) {
    if (!step.ok() && !opened.read_only) opened.read_only = step.error();
  };
  note(disk.make_directory(layout.root));
  auto lock = disk.lock(layout.root + "/LOCK");
  if (lock.ok())
    opened.lock = std::move(lock).value();
  else if (lock.error().code == Errc::kConflict)
    return std::move(lock).error().context("the data directory is in use");
  else
    note(std::move(lock).error());
  const Status format = check_format(disk, layout.root + "/FORMAT");
  if (!format.ok() && format.error().code == Errc::kUnsupported) return format.error();
  note(format);
  note(make_folders(disk, layout));
  note(probe_sync(disk, layout.root + "/PROBE"));
  return opened;
}

}  // namespace posthorn::store::segment

// Names, makes, reuses and removes segment files.
#include "store/engines/segment/segment_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace posthorn::store::segment {
namespace {

constexpr std::string_view kSuffix = ".log";
constexpr size_t kDigits = 20;

std::optional<SegmentNumber> number_of(std::string_view name) {
  if (name.size() != kDigits + kSuffix.size() || !name.ends_with(kSuffix)) return std::nullopt;
  SegmentNumber number;
  const auto [end, failure] = std::from_chars(name.data(), name.data() + kDigits, number.value);
  if (failure != std::errc() || end != name.data() + kDigits || number.value == 0) {
    return std::nullopt;
  }
  return number;
}

Result<std::optional<SegmentHeader>> read_header(io::File& file) {
  std::string block(kSegmentHeaderBytes, '\0');
  PH_ASSIGN(const size_t got, file.read(0, block));
  return parse_segment_header(ByteView(block).substr(0, got));
}

// A recycled file that was not written yet still has the header of its former number.
bool is_of(const std::optional<SegmentHeader>& header, SegmentNumber number) {
  return header && header->number == number;
}

// The generation that the first group of a file names; 0: there is no sound group.
Result<uint64_t> generation_of_first_group(io::File& file) {
  constexpr size_t kGenerationAt = 8;
  std::string group(kGroupHeaderBytes, '\0');
  PH_ASSIGN(const size_t got, file.read(kSegmentHeaderBytes, group));
  if (got != group.size()) return uint64_t{0};
  const auto generation = load_le<uint64_t>(group.data() + kGenerationAt);
  return parse_group_header(group, generation) ? generation : 0;
}

Status reserve(io::File& file, uint64_t bytes) {
  PH_ASSIGN(const uint64_t size, file.size());
  if (size >= bytes) return {};
  PH_TRY(file.allocate(bytes));
  // Blocks that were written once are synced without the file system's journal: half the time of
  // a commit, and far less when the disk is busy with other files.
  return file.zero(0, bytes);
}

}  // namespace

std::string SegmentFiles::path(SegmentNumber number) const {
  return fmt::format("{}/{:020}{}", options_.directory, number.value, kSuffix);
}

Result<std::unique_ptr<io::File>> SegmentFiles::open(SegmentNumber number, io::OpenMode mode) {
  return disk_.open(path(number), mode);
}

Result<std::vector<FoundSegment>> SegmentFiles::list(SegmentNumber headers_from) {
  PH_ASSIGN(const std::vector<std::string> names, disk_.list(options_.directory));
  std::vector<FoundSegment> found;
  for (const std::string& name : names) {
    const auto number = number_of(name);
    if (number) found.push_back({*number, std::nullopt});
  }
  std::sort(found.begin(), found.end(),
            [](const FoundSegment& a, const FoundSegment& b) { return a.number < b.number; });
  for (FoundSegment& segment : found) {
    if (segment.number < headers_from) continue;
    PH_ASSIGN(const auto file, open(segment.number, io::OpenMode::kRead));
    PH_ASSIGN(segment.header, read_header(*file));
    if (!is_of(segment.header, segment.number)) segment.header.reset();
    if (segment.header) know_generation(segment.number, segment.header->generation);
  }
  return found;
}

Status SegmentFiles::prepare(SegmentNumber number) {
  {
    PH_ASSIGN(const auto file, open(number, io::OpenMode::kCreateOrOpen));
    PH_TRY(reserve(*file, options_.segment_bytes));
    PH_TRY(file->sync());
  }
  return disk_.sync_directory(options_.directory);
}

bool SegmentFiles::prepared(SegmentNumber number) {
  const auto file = open(number, io::OpenMode::kRead);
  if (!file.ok()) return false;
  const auto size = (*file)->size();
  return size.ok() && *size >= options_.segment_bytes;
}

Status SegmentFiles::recycle(SegmentNumber old_number, SegmentNumber new_number) {
  PH_TRY(disk_.rename(path(old_number), path(new_number)));
  generations_.with([&](auto& known) {
    known.erase(old_number.value);
    known.erase(new_number.value);
  });
  return disk_.sync_directory(options_.directory);
}

Result<uint64_t> SegmentFiles::scrub(SegmentNumber number, uint64_t offset, uint64_t bytes) {
  PH_ASSIGN(const auto file, open(number, io::OpenMode::kReadWrite));
  PH_ASSIGN(const uint64_t size, file->size());
  const uint64_t end = std::min(size, offset + bytes);
  if (offset < end) PH_TRY(file->zero(offset, end - offset));
  PH_TRY(file->sync());
  return end;
}

Status SegmentFiles::remove(SegmentNumber number) {
  PH_TRY(disk_.remove(path(number)));
  generations_.with([&](auto& known) { known.erase(number.value); });
  return {};
}

void SegmentFiles::know_generation(SegmentNumber number, uint64_t generation) {
  generations_.with([&](auto& known) { known[number.value] = generation; });
}

Result<uint32_t> SegmentFiles::seed_of(SegmentNumber number) {
  PH_ASSIGN(const uint64_t generation, generation_of(number));
  return segment::seed_of(generation);
}

Result<std::optional<SegmentHeader>> SegmentFiles::header_of(SegmentNumber number) {
  PH_ASSIGN(const auto file, open(number, io::OpenMode::kRead));
  PH_ASSIGN(auto header, read_header(*file));
  if (!is_of(header, number)) header.reset();
  return header;
}

Result<uint64_t> SegmentFiles::generation_of(SegmentNumber number) {
  const uint64_t held = generations_.with([&](const auto& known) -> uint64_t {
    const auto at = known.find(number.value);
    return at == known.end() ? 0 : at->second;
  });
  if (held != 0) return held;
  PH_ASSIGN(const auto file, open(number, io::OpenMode::kRead));
  PH_ASSIGN(const auto header, read_header(*file));
  if (header && !is_of(header, number)) return uint64_t{0};
  uint64_t generation = header ? header->generation : 0;
  if (!header) {
    PH_ASSIGN(generation, generation_of_first_group(*file));
  }
  if (generation != 0) know_generation(number, generation);
  return generation;
}

}  // namespace posthorn::store::segment

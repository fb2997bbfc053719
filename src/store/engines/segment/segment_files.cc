// Names, makes, reuses and removes segment files.
#include "store/engines/segment/segment_files.h"

#include <algorithm>

#include "store/engines/segment/file_names.h"

namespace posthorn::store::segment {
namespace {

constexpr std::string_view kSuffix = "log";
constexpr std::string_view kSpareSuffix = "spare";

// The numbers among names with this suffix, ascending.
std::vector<SegmentNumber> numbers_of(const std::vector<std::string>& names,
                                      std::string_view suffix) {
  std::vector<SegmentNumber> numbers;
  for (const std::string& name : names) {
    const auto number = parse_number_name(name, suffix);
    if (number && *number != 0) numbers.emplace_back(*number);
  }
  std::sort(numbers.begin(), numbers.end());
  return numbers;
}

Result<std::optional<SegmentHeader>> read_header(io::File& file) {
  std::string block(kSegmentHeaderBytes, '\0');
  PH_ASSIGN(const size_t got, file.read(0, block));
  return parse_segment_header(ByteView(block).substr(0, got));
}

// A header that names another segment says nothing of this one.
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
  return path_in(options_.directory, number_name(number.value, kSuffix));
}

std::string SegmentFiles::spare_path(SegmentNumber number) const {
  return path_in(options_.directory, number_name(number.value, kSpareSuffix));
}

Result<std::unique_ptr<io::File>> SegmentFiles::open(SegmentNumber number, io::OpenMode mode) {
  return disk_.open(path(number), mode);
}

Result<std::vector<FoundSegment>> SegmentFiles::list(SegmentNumber headers_from) {
  PH_ASSIGN(const std::vector<std::string> names, disk_.list(options_.directory));
  std::vector<FoundSegment> found;
  for (const SegmentNumber number : numbers_of(names, kSuffix)) {
    found.push_back({number, std::nullopt});
  }
  for (size_t i = 1; i < found.size(); ++i) {
    const uint64_t before = found[i].number.value - 1;
    if (found[i - 1].number.value != before) newest_gap_.store(before);
  }
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

void SegmentFiles::note_damage(SegmentNumber number) {
  damaged_.with([&](auto& damaged) { damaged.insert(number); });
}

size_t SegmentFiles::damaged() const {
  return damaged_.with([](const auto& damaged) { return damaged.size(); });
}

Status SegmentFiles::take_out(SegmentNumber number) {
  PH_TRY(disk_.rename(path(number), spare_path(number)));
  newest_gap_.store(std::max(newest_gap_.load(), number.value));
  generations_.with([&](auto& known) { known.erase(number.value); });
  damaged_.with([&](auto& damaged) { damaged.erase(number); });
  return disk_.sync_directory(options_.directory);
}

Status SegmentFiles::clear_tail(SegmentNumber number, uint64_t end, uint64_t bytes) {
  if (number.value == 0) return {};
  constexpr uint64_t kPieceBytes = 1u << 20;
  PH_ASSIGN(const auto file, open(number, io::OpenMode::kReadWrite));
  std::string piece(kPieceBytes, '\0');
  uint64_t dirty_end = end;
  for (uint64_t at = end; at < end + bytes; at += piece.size()) {
    PH_ASSIGN(const size_t got, file->read(at, piece));
    const size_t last = ByteView(piece).substr(0, got).find_last_not_of('\0');
    if (last != ByteView::npos) dirty_end = at + last + 1;
    if (got < piece.size()) break;
  }
  if (dirty_end == end) return {};
  PH_TRY(file->zero(end, dirty_end - end));
  return file->sync();
}

Result<std::vector<SegmentNumber>> SegmentFiles::spares() {
  PH_ASSIGN(const std::vector<std::string> names, disk_.list(options_.directory));
  return numbers_of(names, kSpareSuffix);
}

Result<uint64_t> SegmentFiles::scrub(SegmentNumber spare, uint64_t offset, uint64_t bytes) {
  PH_ASSIGN(const auto file, disk_.open(spare_path(spare), io::OpenMode::kReadWrite));
  const uint64_t end = std::min(options_.segment_bytes, offset + bytes);
  PH_ASSIGN(const uint64_t size, file->size());
  if (size > options_.segment_bytes) PH_TRY(file->truncate(options_.segment_bytes));
  if (size < options_.segment_bytes) PH_TRY(file->allocate(options_.segment_bytes));
  if (offset < end) PH_TRY(file->zero(offset, end - offset));
  PH_TRY(file->sync());
  return end;
}

Status SegmentFiles::reuse(SegmentNumber spare, SegmentNumber number) {
  PH_TRY(disk_.rename(spare_path(spare), path(number)));
  return disk_.sync_directory(options_.directory);
}

Status SegmentFiles::remove_spare(SegmentNumber spare) { return disk_.remove(spare_path(spare)); }

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

// The file of one checkpoint: writing its sections and footer, checking and reading them back.
#include "store/engines/segment/checkpoint_file.h"

#include <algorithm>

#include "store/engines/segment/checkpoint_format.h"

namespace posthorn::store::segment {
namespace {

constexpr uint64_t kMagic = 0x3154504B43534F50ull;  // "POSCKPT1"
constexpr uint16_t kVersion = 1;
constexpr size_t kReadBlocks = 16;
static_assert(kReadBlocks * kBlockPayloadBytes <= 64u << 10);

Error damaged(const std::string& path, std::string_view what) {
  return error(Errc::kCorrupt, path + " " + std::string(what));
}

class Reader final : public SectionReader {
 public:
  Reader(std::shared_ptr<io::File> file, const std::string& path, uint8_t number,
         const SectionPlace& place)
      : file_(std::move(file)), path_(path), number_(number), place_(place) {}

  Result<ByteView> next() override {
    payload_.clear();
    const uint32_t blocks = std::min<uint32_t>(kReadBlocks, place_.blocks - at_);
    if (blocks == 0) return ByteView();
    buffer_.resize(blocks * kBlockBytes);
    PH_TRY(read_blocks(*file_, path_, place_.first_block + at_, buffer_));
    at_ += blocks;
    for (size_t i = 0; i < blocks; ++i) {
      const ByteView block(buffer_.data() + i * kBlockBytes, kBlockBytes);
      const BlockHeader header = block_header(block);
      if (header.kind != BlockKind::kBytes || header.table != number_ ||
          header.count > kBlockPayloadBytes) {
        return damaged(path_, "has a block of another section");
      }
      payload_.append(block_payload(block).substr(0, header.count));
    }
    return ByteView(payload_);
  }

 private:
  std::shared_ptr<io::File> file_;
  const std::string path_;
  const uint8_t number_;
  const SectionPlace place_;
  uint32_t at_ = 0;
  std::string buffer_;
  std::string payload_;
};

class FileCheckpoint final : public Checkpoint {
 public:
  FileCheckpoint(std::string path, std::shared_ptr<io::File> file)
      : path_(std::move(path)), file_(std::move(file)) {}

  Status load();
  uint64_t generation() const override { return generation_; }
  bool has(std::string_view name) const override { return find(name) != sections_.end(); }
  uint64_t section_bytes(std::string_view name) const override {
    const auto found = find(name);
    return found == sections_.end() ? 0 : found->bytes;
  }
  Result<std::unique_ptr<SectionReader>> section(std::string_view name) const override;
  Result<std::string> read(std::string_view name, uint64_t limit) const override;
  const std::vector<std::string>& files() const override { return files_; }

 private:
  using Sections = std::vector<SectionPlace>;
  Sections::const_iterator find(std::string_view name) const {
    return std::find_if(sections_.begin(), sections_.end(),
                        [&](const SectionPlace& place) { return place.name == name; });
  }
  Status check_blocks(uint32_t blocks);
  Status read_footer(ByteView payload, uint32_t blocks);
  Status read_files();

  const std::string path_;
  std::shared_ptr<io::File> file_;
  uint64_t generation_ = 0;
  Sections sections_;
  std::vector<std::string> files_;
};

Status FileCheckpoint::load() {
  PH_ASSIGN(const uint64_t size, file_->size());
  if (size == 0 || size % kBlockBytes != 0 || size / kBlockBytes > ~uint32_t{0}) {
    return damaged(path_, "is cut");
  }
  const auto blocks = static_cast<uint32_t>(size / kBlockBytes);
  PH_TRY(check_blocks(blocks));
  std::string footer(kBlockBytes, '\0');
  PH_TRY(read_blocks(*file_, path_, blocks - 1, footer));
  if (block_header(footer).kind != BlockKind::kFooter) return damaged(path_, "has no footer");
  PH_TRY(read_footer(block_payload(footer), blocks - 1));
  return read_files();
}

Status FileCheckpoint::check_blocks(uint32_t blocks) {
  std::string buffer;
  for (uint32_t at = 0; at < blocks; at += kReadBlocks) {
    buffer.resize(std::min<size_t>(kReadBlocks, blocks - at) * kBlockBytes);
    PH_TRY(read_blocks(*file_, path_, at, buffer));
  }
  return {};
}

Status FileCheckpoint::read_footer(ByteView payload, uint32_t blocks) {
  ByteReader in(payload);
  if (in.u64() != kMagic) return damaged(path_, "is no checkpoint");
  const uint16_t version = in.u16();
  if (version > kVersion) {
    return error(Errc::kUnsupported,
                 fmt::format("{}: version {} is newer than {}", path_, version, kVersion));
  }
  generation_ = in.u64();
  const uint8_t count = in.u8();
  if (version == 0 || count > kSectionsMax) return damaged(path_, "has a bad footer");
  uint32_t expected = 0;
  for (uint8_t i = 0; i < count; ++i) {
    SectionPlace place;
    place.first_block = in.u32();
    place.blocks = in.u32();
    place.bytes = in.u64();
    place.name = in.bytes(in.u8());
    const bool fits = place.first_block == expected && place.blocks <= blocks - expected &&
                      place.bytes <= uint64_t{place.blocks} * kBlockPayloadBytes;
    if (in.failed() || !fits) return damaged(path_, "has a bad section");
    expected += place.blocks;
    sections_.push_back(std::move(place));
  }
  return expected == blocks ? Status{} : damaged(path_, "has blocks of no section");
}

Status FileCheckpoint::read_files() {
  PH_ASSIGN(auto reader, section(kFilesSection));
  std::string rest;
  while (true) {
    PH_ASSIGN(const ByteView piece, reader->next());
    if (piece.empty()) break;
    rest.append(piece);
    size_t from = 0;
    for (size_t end; (end = rest.find('\n', from)) != std::string::npos; from = end + 1) {
      files_.push_back(rest.substr(from, end - from));
    }
    rest.erase(0, from);
  }
  return rest.empty() ? Status{} : damaged(path_, "has a cut list of files");
}

Result<std::unique_ptr<SectionReader>> FileCheckpoint::section(std::string_view name) const {
  const auto found = find(name);
  if (found == sections_.end()) {
    return error(Errc::kNotFound, fmt::format("{} has no section {}", path_, name));
  }
  const auto number = static_cast<uint8_t>(found - sections_.begin());
  return std::unique_ptr<SectionReader>(std::make_unique<Reader>(file_, path_, number, *found));
}

Result<std::string> FileCheckpoint::read(std::string_view name, uint64_t limit) const {
  PH_ASSIGN(auto reader, section(name));
  const uint64_t size = section_bytes(name);
  if (size > limit) {
    return error(Errc::kTooLarge, fmt::format("{}: section {} has {} bytes", path_, name, size));
  }
  std::string bytes;
  while (true) {
    PH_ASSIGN(const ByteView piece, reader->next());
    if (piece.empty()) break;
    bytes.append(piece);
  }
  if (bytes.size() != size) return damaged(path_, "has a section of another size");
  return bytes;
}

}  // namespace

Status read_blocks(io::File& file, const std::string& path, uint32_t first, std::span<char> into) {
  PH_ASSIGN(const size_t got, file.read(uint64_t{first} * kBlockBytes, into));
  if (got != into.size()) return damaged(path, "is cut");
  for (size_t at = 0; at < into.size(); at += kBlockBytes) {
    const auto number = static_cast<uint32_t>(first + at / kBlockBytes);
    if (!block_is_sound({into.data() + at, kBlockBytes}, number)) {
      return damaged(path, fmt::format("fails its checksum in block {}", number));
    }
  }
  return {};
}

Result<std::shared_ptr<const Checkpoint>> load_checkpoint(io::Disk& disk, const std::string& path) {
  PH_ASSIGN(std::shared_ptr<io::File> file, disk.open(path, io::OpenMode::kRead));
  auto loaded = std::make_shared<FileCheckpoint>(path, std::move(file));
  PH_TRY(loaded->load());
  return std::shared_ptr<const Checkpoint>(std::move(loaded));
}

Status CheckpointFileWriter::begin(std::string_view name) {
  CHECK(!name.empty() && name.size() <= kSectionNameMax && sections_.size() < kSectionsMax,
        "bad section {}", name);
  for (const SectionPlace& place : sections_) CHECK(place.name != name, "{} twice", name);
  PH_TRY(end_section());
  sections_.push_back({std::string(name), file_->next(), 0, 0});
  return {};
}

Status CheckpointFileWriter::append(ByteView bytes) {
  CHECK(!sections_.empty(), "append in front of a section");
  sections_.back().bytes += bytes.size();
  while (!bytes.empty()) {
    const size_t take = std::min(bytes.size(), kBlockPayloadBytes - pending_.size());
    pending_.append(bytes.substr(0, take));
    bytes.remove_prefix(take);
    if (pending_.size() == kBlockPayloadBytes) PH_TRY(write_pending());
  }
  return {};
}

Status CheckpointFileWriter::write_pending() {
  const BlockHeader header{BlockKind::kBytes, static_cast<uint8_t>(sections_.size() - 1),
                           static_cast<uint16_t>(pending_.size())};
  PH_TRY(file_->append(header, pending_));
  pending_.clear();
  return {};
}

Status CheckpointFileWriter::end_section() {
  if (sections_.empty()) return {};
  if (!pending_.empty()) PH_TRY(write_pending());
  sections_.back().blocks = file_->next() - sections_.back().first_block;
  return {};
}

Status CheckpointFileWriter::finish(uint64_t generation, const std::vector<std::string>& files) {
  PH_TRY(begin(kFilesSection));
  for (const std::string& file : files) PH_TRY(append(file + "\n"));
  PH_TRY(end_section());
  std::string payload;
  ByteWriter out(payload);
  out.u64(kMagic);
  out.u16(kVersion);
  out.u64(generation);
  out.u8(static_cast<uint8_t>(sections_.size()));
  for (const SectionPlace& place : sections_) {
    out.u32(place.first_block);
    out.u32(place.blocks);
    out.u64(place.bytes);
    out.u8(static_cast<uint8_t>(place.name.size()));
    out.bytes(place.name);
  }
  PH_TRY(file_->append({BlockKind::kFooter, 0, 0}, payload));
  return file_->finish();
}

}  // namespace posthorn::store::segment

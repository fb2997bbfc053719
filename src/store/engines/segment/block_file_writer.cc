// Appending checked blocks through one buffer.
#include "store/engines/segment/block_file_writer.h"

#include <array>

#include "base/check.h"

namespace posthorn::store::segment {
namespace {
constexpr size_t kBufferBytes = 64 * kBlockBytes;
constexpr std::string_view kTemporary = ".tmp";
}  // namespace

Result<std::unique_ptr<BlockFileWriter>> BlockFileWriter::create(io::Disk& disk, std::string path) {
  const std::string temporary = path + std::string(kTemporary);
  if (disk.exists(temporary)) PH_TRY(disk.remove(temporary));
  PH_ASSIGN(auto file, disk.open(temporary, io::OpenMode::kCreate));
  return std::unique_ptr<BlockFileWriter>(
      new BlockFileWriter(disk, std::move(path), std::move(file)));
}

BlockFileWriter::~BlockFileWriter() {
  file_.reset();
  // Best effort: what stays behind is a temporary name that nobody reads.
  if (!finished_) (void)disk_.remove(path_ + std::string(kTemporary)).ok();
}

Status remove_left_over(io::Disk& disk, const std::string& path) {
  const Status removed = disk.remove(path);
  const Errc code = removed.ok() ? Errc::kNotFound : removed.error().code;
  return code == Errc::kNotFound || code == Errc::kForbidden ? Status() : removed;
}

Result<uint32_t> BlockFileWriter::append(const BlockHeader& header, ByteView payload) {
  CHECK(payload.size() <= kBlockPayloadBytes, "a payload of {} bytes", payload.size());
  const uint32_t number = next_++;
  if (buffer_.empty()) buffer_first_ = number;
  const size_t at = buffer_.size();
  buffer_.resize(at + kBlockBytes);
  payload.copy(buffer_.data() + at + kBlockHeaderBytes, payload.size());
  seal_block(buffer_.data() + at, number, header);
  if (buffer_.size() >= kBufferBytes) PH_TRY(write_buffer());
  return number;
}

Result<uint32_t> BlockFileWriter::skip(uint32_t blocks) {
  PH_TRY(write_buffer());
  const uint32_t first = next_;
  next_ += blocks;
  return first;
}

Status BlockFileWriter::write_at(uint32_t number, const BlockHeader& header, ByteView payload) {
  CHECK(payload.size() <= kBlockPayloadBytes, "a payload of {} bytes", payload.size());
  std::array<char, kBlockBytes> block{};
  payload.copy(block.data() + kBlockHeaderBytes, payload.size());
  seal_block(block.data(), number, header);
  const ByteView parts[] = {{block.data(), block.size()}};
  return file_->write(uint64_t{number} * kBlockBytes, parts);
}

Status BlockFileWriter::write_buffer() {
  if (buffer_.empty()) return {};
  const ByteView parts[] = {buffer_};
  PH_TRY(file_->write(uint64_t{buffer_first_} * kBlockBytes, parts));
  buffer_.clear();
  return {};
}

Status BlockFileWriter::finish() {
  PH_TRY(write_buffer());
  PH_TRY(file_->sync());
  PH_TRY(disk_.rename(path_ + std::string(kTemporary), path_));
  finished_ = true;
  return disk_.sync_directory(io::parent_directory(path_));
}

}  // namespace posthorn::store::segment

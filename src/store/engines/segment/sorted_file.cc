// Reading sorted files: the footer, lookups, filters and raw bytes. Nothing in a file is believed
// before its block's checksum holds and its numbers are in range.
#include "store/engines/segment/sorted_file.h"

#include <algorithm>
#include <cstring>

#include "store/engines/segment/sorted_format.h"

namespace posthorn::store::segment {
namespace {

constexpr size_t kScanBlocks = 16;

TableInfo read_table(ByteReader& in) {
  TableInfo info;
  info.shape.table = in.u8();
  info.shape.key_bytes = in.u8();
  info.shape.value_bytes = in.u8();
  info.levels = in.u8();
  info.shape.filter = {in.u8(), in.u8(), in.u8(), in.u8()};
  info.entries = in.u64();
  info.distinct = in.u64();
  info.first_block = in.u32();
  info.end_block = in.u32();
  info.root = in.u32();
  info.filter_block = in.u32();
  info.filter_lines = in.u64();
  info.first_key = in.bytes(info.shape.key_bytes);
  info.last_key = in.bytes(info.shape.key_bytes);
  return info;
}

// A table whose numbers lie within a file of `blocks` blocks.
bool in_range(const TableInfo& info, uint32_t blocks) {
  if (info.first_block > info.end_block || info.end_block > blocks) return false;
  const size_t width = info.shape.entry_bytes();
  if (width == 0) {
    return info.levels == 0 &&
           info.entries <= uint64_t{info.end_block - info.first_block} * kBlockPayloadBytes;
  }
  if (info.shape.key_bytes == 0 || width > kEntryBytesMax || info.levels > kLevelsMax) return false;
  if ((info.entries == 0) != (info.levels == 0)) return false;
  if (info.entries > 0 && (info.root < info.first_block || info.root >= info.end_block))
    return false;
  if (info.filter_lines == 0) return true;
  const FilterShape& filter = info.shape.filter;
  if (filter.key_bytes < 8 || filter.key_bytes > info.shape.key_bytes || filter.layers == 0)
    return false;
  return info.filter_lines <= uint64_t{blocks} * kLinesPerBlock &&
         info.filter_block + uint64_t{filter.layers} * filter_blocks(info.filter_lines) <= blocks;
}

}  // namespace

Result<std::shared_ptr<const SortedFile>> SortedFile::open(BlockCache& cache, std::string path) {
  std::shared_ptr<SortedFile> file(new SortedFile(cache, std::move(path)));
  PH_TRY(file->load());
  return std::shared_ptr<const SortedFile>(std::move(file));
}

Error SortedFile::damaged(uint32_t number, std::string_view what) const {
  return error(Errc::kCorrupt, fmt::format("{}: block {} {}", file_.path, number, what));
}

Status SortedFile::load() {
  PH_ASSIGN(blocks_, cache_.blocks_of(file_));
  const uint32_t last = blocks_ - 1;
  PH_ASSIGN(const BlockRef footer, block(last, BlockKind::kFooter, 0));
  ByteReader in(block_payload(view_of(*footer)));
  if (in.u64() != kSortedMagic) return damaged(last, "is no footer of a sorted file");
  const uint16_t version = in.u16();
  if (version > kSortedVersion) {
    return error(Errc::kUnsupported, fmt::format("{}: version {} is newer than {}", file_.path,
                                                 version, kSortedVersion));
  }
  const uint16_t meta_bytes = in.u16();
  const uint32_t blocks = in.u32();
  const uint8_t tables = in.u8();
  if (version == 0 || blocks != blocks_ || tables > kTablesMax || meta_bytes > kMetaBytesMax) {
    return damaged(last, "has a footer that does not fit the file");
  }
  for (uint8_t i = 0; i < tables; ++i) {
    tables_.push_back(read_table(in));
    if (in.failed() || !in_range(tables_.back(), last)) return damaged(last, "names a bad table");
  }
  meta_ = in.bytes(meta_bytes);
  if (in.failed()) return damaged(last, "has a cut footer");
  return {};
}

const TableInfo* SortedFile::table(uint8_t table) const {
  for (const TableInfo& info : tables_) {
    if (info.shape.table == table) return &info;
  }
  return nullptr;
}

Result<BlockRef> SortedFile::block(uint32_t number, BlockKind kind, uint8_t table) const {
  PH_ASSIGN(BlockRef block, cache_.read(file_, number));
  const BlockHeader header = block_header(view_of(*block));
  if (header.kind != kind || header.table != table) return damaged(number, "is of another kind");
  return block;
}

Result<std::optional<std::string>> SortedFile::find(uint8_t table, ByteView key) const {
  SortedCursor at = cursor(table);
  PH_TRY(at.seek(key));
  if (!at.valid() || at.key() != key) return std::optional<std::string>();
  return std::optional<std::string>(at.entry());
}

Result<bool> SortedFile::may_contain(uint8_t table, ByteView key, uint8_t skip_layers) const {
  const TableInfo* info = this->table(table);
  CHECK(info != nullptr, "{} has no table {}", file_.path, table);
  if (info->entries == 0) return false;
  if (info->filter_lines == 0) return true;
  const FilterShape& shape = info->shape.filter;
  const FilterHash hash = filter_hash(key.substr(0, shape.key_bytes));
  const uint64_t line = filter_line_of(hash, info->filter_lines);
  for (uint8_t layer = skip_layers; layer < shape.layers; ++layer) {
    const auto number = static_cast<uint32_t>(
        info->filter_block + layer * filter_blocks(info->filter_lines) + line / kLinesPerBlock);
    PH_ASSIGN(const BlockRef held, block(number, BlockKind::kFilter, table));
    FilterLine bits;
    std::memcpy(bits.data(),
                held->data() + kBlockHeaderBytes + line % kLinesPerBlock * kFilterLineBytes,
                kFilterLineBytes);
    if (!filter_may_contain(bits, hash, shape, layer)) return false;
  }
  return true;
}

Result<std::vector<FilterLine>> SortedFile::load_layer(uint8_t table, uint8_t layer) const {
  const TableInfo* info = this->table(table);
  CHECK(info != nullptr && layer < info->shape.filter.layers, "no layer {} in {}", layer,
        file_.path);
  std::vector<FilterLine> lines(info->filter_lines);
  const uint32_t blocks = filter_blocks(info->filter_lines);
  const uint32_t first = info->filter_block + layer * blocks;
  std::string buffer;
  for (uint32_t at = 0; at < blocks; at += kScanBlocks) {
    buffer.resize(std::min<size_t>(kScanBlocks, blocks - at) * kBlockBytes);
    PH_TRY(cache_.read_past(file_, first + at, buffer));
    for (size_t i = 0; i < buffer.size() / kBlockBytes; ++i) {
      const size_t line = (at + i) * kLinesPerBlock;
      const size_t count = std::min<size_t>(kLinesPerBlock, lines.size() - line);
      std::memcpy(lines.data() + line, buffer.data() + i * kBlockBytes + kBlockHeaderBytes,
                  count * kFilterLineBytes);
    }
  }
  return lines;
}

Result<std::string> SortedFile::read_bytes(uint8_t table, uint64_t offset, size_t length) const {
  const TableInfo* info = this->table(table);
  CHECK(info != nullptr && info->shape.entry_bytes() == 0, "no bytes {} in {}", table, file_.path);
  if (offset >= info->entries) return std::string();
  length = static_cast<size_t>(std::min<uint64_t>(length, info->entries - offset));
  std::string bytes;
  bytes.reserve(length);
  while (bytes.size() < length) {
    const uint64_t at = offset + bytes.size();
    const auto number = static_cast<uint32_t>(info->first_block + at / kBlockPayloadBytes);
    PH_ASSIGN(const BlockRef held, block(number, BlockKind::kBytes, table));
    const size_t skip = at % kBlockPayloadBytes;
    const size_t take = std::min(length - bytes.size(), kBlockPayloadBytes - skip);
    bytes.append(held->data() + kBlockHeaderBytes + skip, take);
  }
  return bytes;
}

SortedCursor SortedFile::cursor(uint8_t table) const {
  const TableInfo* info = this->table(table);
  CHECK(info != nullptr && info->shape.entry_bytes() > 0, "{} has no table {}", file_.path, table);
  return SortedCursor(*this, info);
}

Status SortedFile::verify() const {
  std::string buffer;
  for (uint32_t at = 0; at < blocks_; at += kScanBlocks) {
    buffer.resize(std::min<size_t>(kScanBlocks, blocks_ - at) * kBlockBytes);
    PH_TRY(cache_.read_past(file_, at, buffer));
  }
  return {};
}

TableScan::TableScan(const SortedFile& file, uint8_t table)
    : file_(file), info_(*file.table(table)), next_block_(info_.first_block) {}

Status TableScan::fill() {
  const uint32_t blocks = std::min<uint32_t>(kScanBlocks, info_.end_block - next_block_);
  buffer_.resize(blocks * kBlockBytes);
  PH_TRY(file_.cache_.read_past(file_.file_, next_block_, buffer_));
  next_block_ += blocks;
  block_at_ = 0;
  return {};
}

// Leaves were written in ascending order, so their order in the file is that of the entries.
Result<ByteView> TableScan::next() {
  const size_t width = info_.shape.entry_bytes();
  while (left_ == 0) {
    if (block_at_ >= buffer_.size()) {
      if (next_block_ >= info_.end_block) return ByteView();
      PH_TRY(fill());
    }
    const ByteView block(buffer_.data() + block_at_, kBlockBytes);
    block_at_ += kBlockBytes;
    const BlockHeader header = block_header(block);
    if (header.kind != BlockKind::kLeaf || header.table != info_.shape.table) continue;
    if (header.count > entries_per_block(width)) {
      return file_.damaged(next_block_, "holds too many entries");
    }
    left_ = header.count;
    entry_ = block.data() + kBlockHeaderBytes;
  }
  const ByteView entry(entry_, width);
  entry_ += width;
  --left_;
  return entry;
}

}  // namespace posthorn::store::segment

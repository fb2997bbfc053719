// Writing sorted files: leaves in order, each tree level with one block in memory, the filter in a
// stretch of blocks reserved in front of its table, the footer last.
#include "store/engines/segment/sorted_file_writer.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "store/engines/segment/block_file_writer.h"
#include "store/engines/segment/sorted_format.h"

namespace posthorn::store::segment {
namespace {

// A block of one tree level that fills.
struct Filling {
  std::string payload;
  std::string first;  // the first entry in it
  uint16_t count = 0;
  bool emitted = false;  // another block of this level was written before
};

// The filter lines of one layer that fill; lines only ever go forward.
struct FillingLines {
  std::array<FilterLine, kLinesPerBlock> lines{};
  uint32_t block = 0;  // which block of the layer `lines` are
};

class Writer final : public SortedFileWriter {
 public:
  explicit Writer(std::unique_ptr<BlockFileWriter> file) : file_(std::move(file)) {}

  Status begin_table(const TableShape& shape, uint64_t distinct_max) override;
  Status add(ByteView entry) override;
  Status end_table() override;
  Status add_bytes(uint8_t table, ByteView bytes) override;
  Status finish(ByteView meta) override;

 private:
  Status push(size_t level, ByteView entry, uint32_t child);
  Result<uint32_t> emit_level(size_t level);
  Status add_to_filter(ByteView key);
  Status write_filter_block(uint8_t layer);
  Status advance_filter(uint32_t to_block);

  std::unique_ptr<BlockFileWriter> file_;
  std::vector<TableInfo> tables_;
  bool in_table_ = false;
  std::vector<Filling> levels_;  // leaves first
  std::vector<FillingLines> layers_;
  std::string last_prefix_;
};

Status Writer::begin_table(const TableShape& shape, uint64_t distinct_max) {
  CHECK(!in_table_ && tables_.size() < kTablesMax, "begin_table {} out of turn", shape.table);
  CHECK(shape.key_bytes > 0 && shape.entry_bytes() <= kEntryBytesMax, "bad shape {}", shape.table);
  CHECK(shape.filter.key_bytes == 0 ||
            (shape.filter.key_bytes >= 8 && shape.filter.key_bytes <= shape.key_bytes),
        "bad filter of {}", shape.table);
  in_table_ = true;
  TableInfo info;
  info.shape = shape;
  layers_.clear();
  last_prefix_.clear();
  if (shape.filter.key_bytes > 0 && distinct_max > 0) {
    info.filter_lines = filter_lines(shape.filter, distinct_max);
    layers_.resize(shape.filter.layers);
    // The filter's place is skipped now and written as its lines fill.
    PH_ASSIGN(info.filter_block,
              file_->skip(shape.filter.layers * filter_blocks(info.filter_lines)));
  }
  info.first_block = file_->next();
  tables_.push_back(std::move(info));
  levels_.assign(1, Filling{});
  return {};
}

Status Writer::add(ByteView entry) {
  CHECK(in_table_, "add outside of a table");
  TableInfo& info = tables_.back();
  const ByteView key = entry.substr(0, info.shape.key_bytes);
  CHECK(entry.size() == info.shape.entry_bytes(), "an entry of {} bytes", entry.size());
  CHECK(info.entries == 0 || ByteView(info.last_key) < key, "keys do not ascend in table {}",
        info.shape.table);
  if (info.entries++ == 0) info.first_key = key;
  info.last_key = key;
  PH_TRY(add_to_filter(key));
  return push(0, entry, 0);
}

// Appends to the block that fills on a level; a full one goes to the file first, and its first
// entry to the level above.
Status Writer::push(size_t level, ByteView entry, uint32_t child) {
  const size_t width = entry.size() + (level == 0 ? 0 : kChildBytes);
  if (levels_[level].count == entries_per_block(width)) {
    const std::string first = levels_[level].first;
    PH_ASSIGN(const uint32_t number, emit_level(level));
    if (levels_.size() == level + 1) levels_.emplace_back();
    PH_TRY(push(level + 1, first, number));
  }
  Filling& filling = levels_[level];
  if (filling.count++ == 0) filling.first = entry;
  filling.payload.append(entry);
  if (level > 0) ByteWriter(filling.payload).u32(child);
  return {};
}

Result<uint32_t> Writer::emit_level(size_t level) {
  Filling& filling = levels_[level];
  const BlockHeader header{level == 0 ? BlockKind::kLeaf : BlockKind::kBranch,
                           tables_.back().shape.table, filling.count};
  PH_ASSIGN(const uint32_t number, file_->append(header, filling.payload));
  filling.payload.clear();
  filling.count = 0;
  filling.emitted = true;
  return number;
}

Status Writer::end_table() {
  CHECK(in_table_, "end_table outside of a table");
  in_table_ = false;
  TableInfo& info = tables_.back();
  if (info.entries > 0) {
    size_t level = 0;
    // A level with a single block is the root.
    while (levels_[level].emitted) {
      const std::string first = levels_[level].first;
      PH_ASSIGN(const uint32_t number, emit_level(level));
      PH_TRY(push(level + 1, first, number));
      ++level;
    }
    PH_ASSIGN(info.root, emit_level(level));
    info.levels = static_cast<uint8_t>(level + 1);
    CHECK(info.levels <= kLevelsMax, "a tree of {} levels", info.levels);
  }
  info.end_block = file_->next();
  if (!layers_.empty()) PH_TRY(advance_filter(filter_blocks(info.filter_lines)));
  return {};
}

Status Writer::add_to_filter(ByteView key) {
  TableInfo& info = tables_.back();
  const FilterShape& shape = info.shape.filter;
  if (layers_.empty()) return {};
  const ByteView prefix = key.substr(0, shape.key_bytes);
  if (prefix == last_prefix_) return {};
  last_prefix_ = prefix;
  ++info.distinct;
  const FilterHash hash = filter_hash(prefix);
  const uint64_t line = filter_line_of(hash, info.filter_lines);
  PH_TRY(advance_filter(static_cast<uint32_t>(line / kLinesPerBlock)));
  for (uint8_t layer = 0; layer < shape.layers; ++layer) {
    filter_add(layers_[layer].lines[line % kLinesPerBlock], hash, shape, layer);
  }
  return {};
}

// Writes the filter blocks below `to_block` of every layer; ascending keys never return to them.
Status Writer::advance_filter(uint32_t to_block) {
  for (uint8_t layer = 0; layer < layers_.size(); ++layer) {
    while (layers_[layer].block < to_block) PH_TRY(write_filter_block(layer));
  }
  return {};
}

Status Writer::write_filter_block(uint8_t layer) {
  const TableInfo& info = tables_.back();
  FillingLines& filling = layers_[layer];
  const uint32_t number =
      info.filter_block + layer * filter_blocks(info.filter_lines) + filling.block;
  const uint64_t left = info.filter_lines - uint64_t{filling.block} * kLinesPerBlock;
  const auto count = static_cast<uint16_t>(std::min<uint64_t>(left, kLinesPerBlock));
  const ByteView payload(reinterpret_cast<const char*>(filling.lines.data()),
                         count * kFilterLineBytes);
  PH_TRY(file_->write_at(number, {BlockKind::kFilter, info.shape.table, count}, payload));
  filling.lines = {};
  ++filling.block;
  return {};
}

Status Writer::add_bytes(uint8_t table, ByteView bytes) {
  CHECK(!in_table_ && tables_.size() < kTablesMax, "add_bytes {} out of turn", table);
  TableInfo info;
  info.shape.table = table;
  info.entries = bytes.size();
  info.first_block = file_->next();
  tables_.push_back(info);
  for (size_t at = 0; at < bytes.size(); at += kBlockPayloadBytes) {
    const ByteView piece = bytes.substr(at, kBlockPayloadBytes);
    const BlockHeader header{BlockKind::kBytes, table, static_cast<uint16_t>(piece.size())};
    PH_TRY(file_->append(header, piece));
  }
  tables_.back().end_block = file_->next();
  return {};
}

void put_table(ByteWriter& out, const TableInfo& info) {
  out.u8(info.shape.table);
  out.u8(info.shape.key_bytes);
  out.u8(info.shape.value_bytes);
  out.u8(info.levels);
  out.u8(info.shape.filter.key_bytes);
  out.u8(info.shape.filter.layers);
  out.u8(info.shape.filter.bits_per_key);
  out.u8(info.shape.filter.probes);
  out.u64(info.entries);
  out.u64(info.distinct);
  out.u32(info.first_block);
  out.u32(info.end_block);
  out.u32(info.root);
  out.u32(info.filter_block);
  out.u64(info.filter_lines);
  // Both empty when the table is.
  std::string first = info.first_key;
  std::string last = info.last_key;
  first.resize(info.shape.key_bytes);
  last.resize(info.shape.key_bytes);
  out.bytes(first);
  out.bytes(last);
}

Status Writer::finish(ByteView meta) {
  CHECK(!in_table_ && meta.size() <= kMetaBytesMax, "finish out of turn");
  std::string payload;
  ByteWriter out(payload);
  out.u64(kSortedMagic);
  out.u16(kSortedVersion);
  out.u16(static_cast<uint16_t>(meta.size()));
  out.u32(file_->next() + 1);
  out.u8(static_cast<uint8_t>(tables_.size()));
  for (const TableInfo& info : tables_) put_table(out, info);
  out.bytes(meta);
  CHECK(payload.size() <= kBlockPayloadBytes, "a footer of {} bytes", payload.size());
  PH_TRY(file_->append({BlockKind::kFooter, 0, 0}, payload));
  return file_->finish();
}

}  // namespace

Result<std::unique_ptr<SortedFileWriter>> SortedFileWriter::create(io::Disk& disk,
                                                                   std::string path) {
  PH_ASSIGN(auto file, BlockFileWriter::create(disk, std::move(path)));
  return std::unique_ptr<SortedFileWriter>(std::make_unique<Writer>(std::move(file)));
}

}  // namespace posthorn::store::segment

// Immutable files of tables: ascending fixed-width entries (key bytes, then value bytes, in memcmp
// order of the key) in checked 4 KiB blocks, with a tree of first entries above them and an
// optional filter. Read by every index; written by sorted_file_writer.h. Grammar:
// docs/formats/index.md.
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "store/engines/segment/block_cache.h"
#include "store/engines/segment/filter.h"

namespace posthorn::store::segment {

inline constexpr size_t kEntryBytesMax = 96;
inline constexpr size_t kTablesMax = 16;
inline constexpr size_t kMetaBytesMax = 1024;

struct TableShape {
  uint8_t table = 0;  // names the table within its file
  uint8_t key_bytes = 0;
  uint8_t value_bytes = 0;
  FilterShape filter;
  size_t entry_bytes() const { return size_t{key_bytes} + value_bytes; }
};

struct TableInfo {
  TableShape shape;
  uint64_t entries = 0;
  uint64_t distinct = 0;     // different filter prefixes; 0 without a filter
  uint32_t first_block = 0;  // its leaves and branches lie in [first_block, end_block)
  uint32_t end_block = 0;
  uint32_t root = 0;          // block number; meaningless without entries
  uint8_t levels = 0;         // 1: the root is a leaf; 0: no entries, or a table of raw bytes
  uint32_t filter_block = 0;  // first block of the first layer
  uint64_t filter_lines = 0;  // of each layer; 0: no filter
  std::string first_key;
  std::string last_key;
  uint64_t slots() const;  // see SortedCursor::slot()
};

class SortedCursor;

// An open file; cheap (holds its footer, no descriptor). Thread-safe. The cache must outlive it.
class SortedFile {
 public:
  // Reads the footer. kCorrupt when it is damaged, kUnsupported when its version is newer.
  static Result<std::shared_ptr<const SortedFile>> open(BlockCache& cache, std::string path);

  const std::string& path() const { return file_.path; }
  // What the writer gave to finish().
  ByteView meta() const { return meta_; }
  // Null when the file has no such table.
  const TableInfo* table(uint8_t table) const;
  uint64_t bytes() const { return uint64_t{blocks_} * kBlockBytes; }

  // The entry with exactly this key.
  Result<std::optional<std::string>> find(uint8_t table, ByteView key) const;
  // False: no entry has this filter prefix. True without a filter. `skip_layers`: the caller has
  // asked the first ones in memory already.
  Result<bool> may_contain(uint8_t table, ByteView key, uint8_t skip_layers = 0) const;
  // All lines of one layer, for a caller that keeps it in memory.
  Result<std::vector<FilterLine>> load_layer(uint8_t table, uint8_t layer) const;
  // Raw bytes written with SortedFileWriter::add_bytes, from `offset`; fewer at their end.
  Result<std::string> read_bytes(uint8_t table, uint64_t offset, size_t length) const;
  // The table must exist.
  SortedCursor cursor(uint8_t table) const;
  // Reads every block once: ok when all are sound.
  Status verify() const;

 private:
  friend class SortedCursor;
  friend class TableScan;
  SortedFile(BlockCache& cache, std::string path) : cache_(cache), file_(std::move(path)) {}
  Status load();
  Error damaged(uint32_t number, std::string_view what) const;
  Result<BlockRef> block(uint32_t number, BlockKind kind, uint8_t table) const;

  BlockCache& cache_;
  CachedFile file_;
  std::string meta_;
  std::vector<TableInfo> tables_;
  uint32_t blocks_ = 0;
};

// Walks one table in either direction. Holds one block a level; one thread at a time. The file
// must outlive it. A move that fails leaves the cursor invalid.
class SortedCursor {
 public:
  // Tells of an entry whether it lies before the wanted place; must be monotone over the table.
  using Before = std::function<bool(ByteView entry)>;

  bool valid() const { return valid_; }
  // Key and value; lives until the cursor moves.
  ByteView entry() const;
  ByteView key() const { return entry().substr(0, info_->shape.key_bytes); }
  ByteView value() const { return entry().substr(info_->shape.key_bytes); }
  // The place of the entry in its table: below slots(), different for every entry, growing with
  // the key. (Places of branch blocks among the leaves are left out by no entry.)
  uint64_t slot() const;

  // To the first entry at or above `key` (which may be a prefix); invalid when there is none.
  Status seek(ByteView key);
  // To the last entry below `key`; invalid when there is none.
  Status seek_below(ByteView key);
  // To the first entry that is not before the wanted place; invalid when all are before it.
  Status seek_where(const Before& before);
  Status seek_first();
  Status seek_last();
  Status next();
  Status prev();

 private:
  friend class SortedFile;
  struct Level {
    BlockRef block;
    uint32_t number = 0;
    uint16_t count = 0;
    uint16_t at = 0;
  };
  SortedCursor(const SortedFile& file, const TableInfo* info) : file_(&file), info_(info) {}
  size_t width(size_t level) const;
  ByteView entry_at(size_t level, uint16_t at) const;
  Status enter(size_t level, uint32_t number);
  Status descend(bool to_last);
  Status step(bool forward);

  const SortedFile* file_;
  const TableInfo* info_;
  std::vector<Level> path_;  // the root first
  bool valid_ = false;
};

// Reads one table once, front to back, past the block cache. Holds one buffer of 64 KiB; one
// thread at a time. The file must outlive it.
class TableScan {
 public:
  // The table must exist.
  TableScan(const SortedFile& file, uint8_t table);
  // The next entry, living until the next call; empty at the end.
  Result<ByteView> next();

 private:
  Status fill();

  const SortedFile& file_;
  const TableInfo& info_;
  std::string buffer_;   // whole blocks
  uint32_t next_block_;  // the first one not in the buffer
  size_t block_at_ = 0;  // offset in the buffer of the current block
  uint16_t left_ = 0;    // entries left in it
  const char* entry_ = nullptr;
};

}  // namespace posthorn::store::segment

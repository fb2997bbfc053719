// Reads one table of several sorted files as if it were one, in order and in bounded memory. Used
// by the merges of index runs, key files and due runs.
#pragma once
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "store/engines/segment/sorted_file.h"
#include "store/engines/segment/sorted_file_writer.h"

namespace posthorn::store::segment {

using SortedFileRef = std::shared_ptr<const SortedFile>;

// One thread. Reads past the block cache, 64 KiB of each file at a time.
class TableMerge {
 public:
  // Oldest first; of equal keys the newest entry is the one that counts. Files without the table
  // are left out. All must have entries of this shape (CHECKed).
  TableMerge(std::vector<SortedFileRef> inputs, const TableShape& shape);
  // The next entry, living until the next call; empty at the end.
  Result<ByteView> next();
  // Bounds of what it will give: entries, and different filter prefixes.
  uint64_t entries_max() const { return entries_max_; }
  uint64_t distinct_max() const { return distinct_max_; }

 private:
  struct Source {
    TableScan scan;
    size_t age = 0;  // grows with newness
    ByteView entry;
  };
  Status start();
  Status advance_top();
  bool later(size_t a, size_t b) const;

  const std::vector<SortedFileRef> inputs_;
  const TableShape shape_;
  uint64_t entries_max_ = 0;
  uint64_t distinct_max_ = 0;
  std::vector<Source> sources_;
  std::vector<size_t> heap_;  // of sources; the top has the smallest key
  bool started_ = false;
  std::string given_;  // the entry given last
};

// What a merge does with an entry: keep it or leave it out.
using KeepEntry = std::function<bool(ByteView entry)>;

// Streams the table of all inputs (as for TableMerge) into `out`.
Status merge_tables(std::span<const SortedFileRef> inputs, const TableShape& shape,
                    const KeepEntry& keep, SortedFileWriter& out);

}  // namespace posthorn::store::segment

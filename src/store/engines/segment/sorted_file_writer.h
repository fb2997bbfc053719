// Writes the files that sorted_file.h reads, streaming and in bounded memory. Used at sealing,
// merging and checkpoints; never by the committer.
#pragma once
#include <memory>
#include <string>

#include "store/engines/segment/sorted_file.h"

namespace posthorn::store::segment {

// One thread. Writes `path`.tmp; finish() makes it durable under its name. Destroyed before that
// it removes what it wrote. After an error only destruction is allowed.
class SortedFileWriter {
 public:
  static Result<std::unique_ptr<SortedFileWriter>> create(io::Disk& disk, std::string path);
  virtual ~SortedFileWriter() = default;

  // Tables come one after another, each ended before the next. `distinct_max` sizes the filter:
  // an upper bound of different filter prefixes (ignored without a filter).
  virtual Status begin_table(const TableShape& shape, uint64_t distinct_max) = 0;
  // In strictly ascending order of the key (CHECKed).
  virtual Status add(ByteView entry) = 0;
  virtual Status end_table() = 0;
  // A table of raw bytes, read with SortedFile::read_bytes. Not between begin_table and end_table.
  virtual Status add_bytes(uint8_t table, ByteView bytes) = 0;
  // At most kMetaBytesMax bytes. Durable under its name, in its folder, on return.
  virtual Status finish(ByteView meta) = 0;
};

}  // namespace posthorn::store::segment

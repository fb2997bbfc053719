// Writes a file of checked blocks under a temporary name and makes it durable under its own in one
// step. Used by the writers of sorted files and checkpoints.
#pragma once
#include <memory>
#include <string>

#include "io/disk.h"
#include "store/engines/segment/block.h"

namespace posthorn::store::segment {

// One thread. Holds at most 256 KiB. Destroyed before finish() it removes what it wrote; after an
// error only destruction is allowed.
class BlockFileWriter {
 public:
  // Writes `path`.tmp, in place of one that an ended process left behind.
  static Result<std::unique_ptr<BlockFileWriter>> create(io::Disk& disk, std::string path);
  ~BlockFileWriter();
  BlockFileWriter(const BlockFileWriter&) = delete;
  BlockFileWriter& operator=(const BlockFileWriter&) = delete;

  // Appends a block and answers its number; `payload` has at most kBlockPayloadBytes bytes.
  Result<uint32_t> append(const BlockHeader& header, ByteView payload);
  // Leaves room for `blocks` blocks that write_at fills; answers the number of the first.
  Result<uint32_t> skip(uint32_t blocks);
  Status write_at(uint32_t number, const BlockHeader& header, ByteView payload);
  uint32_t next() const { return next_; }
  // Durable under its name, in its folder, on return.
  Status finish();

 private:
  BlockFileWriter(io::Disk& disk, std::string path, std::unique_ptr<io::File> file)
      : disk_(disk), path_(std::move(path)), file_(std::move(file)) {}
  Status write_buffer();

  io::Disk& disk_;
  const std::string path_;
  std::unique_ptr<io::File> file_;
  bool finished_ = false;
  std::string buffer_;         // sealed blocks not yet written
  uint32_t buffer_first_ = 0;  // number of the first of them
  uint32_t next_ = 0;          // number of the next block
};

// Removes a file that nobody reads any more. It stays where the folder can only be read.
Status remove_left_over(io::Disk& disk, const std::string& path);

}  // namespace posthorn::store::segment

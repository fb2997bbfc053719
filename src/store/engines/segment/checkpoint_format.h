// The file of one checkpoint, for the store of checkpoints and its tests. Grammar:
// docs/formats/checkpoint.md.
#pragma once
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "store/engines/segment/block_file_writer.h"
#include "store/engines/segment/checkpoint_file.h"

namespace posthorn::store::segment {

// Holds the paths that the checkpoint depends on, one a line.
inline constexpr std::string_view kFilesSection = "files";

struct SectionPlace {
  std::string name;
  uint32_t first_block = 0;
  uint32_t blocks = 0;
  uint64_t bytes = 0;
};

class CheckpointFileWriter final : public CheckpointWriter {
 public:
  explicit CheckpointFileWriter(std::unique_ptr<BlockFileWriter> file) : file_(std::move(file)) {}
  Status begin(std::string_view name) override;
  Status append(ByteView bytes) override;
  // Durable on return.
  Status finish(uint64_t generation, const std::vector<std::string>& files);

 private:
  Status write_pending();
  Status end_section();

  std::unique_ptr<BlockFileWriter> file_;
  std::vector<SectionPlace> sections_;
  std::string pending_;  // less than one block of the current section
};

// Checks every block. kCorrupt, kUnsupported (a newer version) or the disk's error.
Result<std::shared_ptr<const Checkpoint>> load_checkpoint(io::Disk& disk, const std::string& path);

// Whole blocks from block `first` on, each with a sound checksum.
Status read_blocks(io::File& file, const std::string& path, uint32_t first, std::span<char> into);

}  // namespace posthorn::store::segment

// The files of the log: <number>.log (20 digits), each used once per number. Files behind the one
// that is written are prepared ones, kept as the reserve for a full disk. Used by the committer
// (advance), the background (prepare, recycle) and readers (seed_of, path).
#pragma once
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "io/disk.h"
#include "io/guarded.h"
#include "store/engines/segment/log_format.h"

namespace posthorn::store::segment {

struct SegmentFilesOptions {
  std::string directory;
  uint64_t segment_bytes = 0;
};

// A segment file on disk at start.
struct FoundSegment {
  SegmentNumber number;
  std::optional<SegmentHeader> header;  // none: prepared, or its header is damaged
};

class SegmentFiles {
 public:
  SegmentFiles(io::Disk& disk, SegmentFilesOptions options)
      : disk_(disk), options_(std::move(options)) {}

  // All files, ascending by number. Headers are read of those from `headers_from` on only.
  Result<std::vector<FoundSegment>> list(SegmentNumber headers_from);
  std::string path(SegmentNumber number) const;
  Result<std::unique_ptr<io::File>> open(SegmentNumber number, io::OpenMode mode);

  // Makes the file durable, with its name and its blocks; a prepared one reads as zeros.
  Status prepare(SegmentNumber number);
  // The file is there with all of its blocks.
  bool prepared(SegmentNumber number);
  // Gives the file of a segment that is no longer needed another number; its old bytes are of
  // another generation, scrub() zeroes them.
  Status recycle(SegmentNumber old_number, SegmentNumber new_number);
  // Writes zeros over at most `bytes` from `offset` on; answers where to go on.
  Result<uint64_t> scrub(SegmentNumber number, uint64_t offset, uint64_t bytes);
  Status remove(SegmentNumber number);

  // The seed of the checksums of a segment; reads its header the first time. Any thread.
  Result<uint32_t> seed_of(SegmentNumber number);
  void know_generation(SegmentNumber number, uint64_t generation);
  // Empty when the file was never written under this number, or its header is damaged.
  Result<std::optional<SegmentHeader>> header_of(SegmentNumber number);
  // From the header, or from its first group where the header is damaged; 0: neither is there, or
  // the file was recycled and not written since. (A group that answers for a damaged header may
  // still be a leftover: its number must be compared with the segment before.)
  Result<uint64_t> generation_of(SegmentNumber number);

  uint64_t segment_bytes() const { return options_.segment_bytes; }

 private:
  io::Disk& disk_;
  const SegmentFilesOptions options_;
  io::Guarded<std::unordered_map<uint64_t, uint64_t>> generations_;
};

}  // namespace posthorn::store::segment

// The files of the log: <number>.log (20 digits), each used once per number. Files behind the one
// that is written are prepared ones, kept as the reserve for a full disk; <number>.spare are those
// of segments that were taken out, to be zeroed and used again. Used by the committer (advance),
// the background (prepare, take out, reuse) and readers (seed_of, path).
#pragma once
#include <atomic>
#include <memory>
#include <set>
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
  bool exists(SegmentNumber number) { return disk_.exists(path(number)); }
  // The newest segment that is missing among those that are there: records of it may be missed by
  // what lies in segments before it.
  SegmentNumber newest_gap() const { return SegmentNumber{newest_gap_.load()}; }

  // Something of the segment was found damaged. Any thread.
  void note_damage(SegmentNumber number);
  // Segments of which that was said, as long as they are in the log.
  size_t damaged() const;

  // Takes a segment out of the log: its file is a spare one from then on, durable on return.
  Status take_out(SegmentNumber number);
  // Zeroes what a torn group left in `bytes` behind the end of the log: it was never acknowledged,
  // and its payload must not outlive an expunge of the one that was given again.
  Status clear_tail(SegmentNumber number, uint64_t end, uint64_t bytes);
  // Spare files, named by the segments they were, ascending.
  Result<std::vector<SegmentNumber>> spares();
  // Writes zeros over at most `bytes` of a spare from `offset` on, durable on return; answers where
  // to go on, which is segment_bytes() when all of it is zeroed.
  Result<uint64_t> scrub(SegmentNumber spare, uint64_t offset, uint64_t bytes);
  // A scrubbed spare becomes the prepared file of `number`; durable on return.
  Status reuse(SegmentNumber spare, SegmentNumber number);
  Status remove_spare(SegmentNumber spare);

  // The seed of the checksums of a segment; reads its header the first time. Any thread.
  Result<uint32_t> seed_of(SegmentNumber number);
  void know_generation(SegmentNumber number, uint64_t generation);
  // Empty when the file was never written under this number, or its header is damaged.
  Result<std::optional<SegmentHeader>> header_of(SegmentNumber number);
  // From the header, or from its first group where the header is damaged; 0: neither is there.
  Result<uint64_t> generation_of(SegmentNumber number);

  uint64_t segment_bytes() const { return options_.segment_bytes; }

 private:
  std::string spare_path(SegmentNumber number) const;
  io::Disk& disk_;
  const SegmentFilesOptions options_;
  std::atomic<uint64_t> newest_gap_{0};
  io::Guarded<std::unordered_map<uint64_t, uint64_t>> generations_;
  io::Guarded<std::set<SegmentNumber>> damaged_;
};

}  // namespace posthorn::store::segment

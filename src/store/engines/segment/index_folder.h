// The folder of index files: their names, writing, merging and removing. What is in it after a
// crash at any point is sorted out by load(). Private to the index tiers.
#pragma once
#include <string>

#include "store/engines/segment/index_view.h"

namespace posthorn::store::segment {

class IndexFolder {
 public:
  IndexFolder(io::Disk& disk, BlockCache& cache, std::string directory)
      : disk_(disk), cache_(cache), directory_(std::move(directory)) {}

  // The valid files; leftovers and runs that others have replaced are removed.
  Result<IndexView> load();
  // Durable on return, in place of an earlier file of the segment.
  Status write_segment(const OpenIndex& index);
  Result<std::shared_ptr<SegmentIndex>> open_segment(SegmentNumber segment);
  // One run from index files or smaller runs (oldest first), holding `spans`; durable on return.
  struct Merge {
    NumberRange segments;
    std::vector<std::shared_ptr<const SortedFile>> inputs;
    std::vector<SegmentSpan> spans;
  };
  Result<IndexRun> write_run(const Merge& merge);
  Status remove_segment(SegmentNumber segment);
  Status remove_run(const NumberRange& segments);

 private:
  std::string path_of(SegmentNumber segment) const;
  std::string path_of(const NumberRange& segments) const;
  Status remove_path(const std::string& path);
  Status load_runs(std::vector<NumberRange> names, const std::vector<uint64_t>& segments,
                   IndexView& view);

  io::Disk& disk_;
  BlockCache& cache_;
  const std::string directory_;
};

}  // namespace posthorn::store::segment

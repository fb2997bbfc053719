// The index of all sealed segments: one index file a segment, and merged run files over 16 and 256
// segments that say which segments to open for an app, an endpoint or a late attempt, so that a
// lookup over 20,000 segments asks some 110 files. Owns its folder:
//   <number>.idx          the index of one segment (20 digits)
//   <first>-<last>.run    derived from the .idx files of these segments
// A run whose range lies within another's is out of date and removed at open; runs can always be
// made again from the .idx files. Grammar: docs/formats/index.md.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "store/engines/segment/open_index.h"
#include "store/engines/segment/segment_index.h"

namespace posthorn::store::segment {

struct IndexTiersOptions {
  std::string directory;
  size_t fan_in = 16;              // segments or runs merged into one
  size_t open_segments_max = 512;  // index files whose footers are kept
};

// Queries: any thread but the loops. Changes (seal, merge_step, remove): one thread
// at a time, beside queries. The disk and the cache must outlive it.
class IndexTiers : public IndexReader {
 public:
  // Reads run files and the footers of .idx files that no run covers; removes leftovers. Damaged
  // files are left out: compare segments() with the segments there are, and seal() the missing
  // ones again from the log.
  static Result<std::unique_ptr<IndexTiers>> open(io::Disk& disk, BlockCache& cache,
                                                  IndexTiersOptions options);
  ~IndexTiers() override;
  IndexTiers(const IndexTiers&) = delete;
  IndexTiers& operator=(const IndexTiers&) = delete;

  // Writes the index of a sealed segment, durable on return; from then on queries see it. Segments
  // are sealed in ascending order, except for those that were missing at open.
  virtual Status seal(const OpenIndex& index) = 0;
  // One merge when a tier is full; true when there may be more to do.
  virtual Result<bool> merge_step() = 0;
  // Forgets these segments and removes the files that no other one needs.
  virtual Status remove(std::vector<SegmentNumber> gone) = 0;
  // Segments whose index file a query found damaged: seal() them again from the log. Until then
  // queries that need them answer kUnavailable. (A damaged run is left out at once and made again.)
  virtual std::vector<SegmentNumber> damaged() const = 0;
  // For whoever found it out by asking segment() on its own. Answers what a query should say, which
  // must not pass for damage of the record that was looked for.
  virtual Error mark_damaged(SegmentNumber number, const Error& why) = 0;
  // Ascending; a copy.
  virtual std::vector<SegmentSpan> segments() const = 0;
  // The segment whose records include `seq`; empty when it is in none of the sealed ones.
  virtual std::optional<SegmentNumber> segment_of(Seq seq) const = 0;
  // The index of one segment; kNotFound when it is not sealed or not kept.
  virtual Result<std::shared_ptr<SegmentIndex>> segment(SegmentNumber number) = 0;
  // The segments in the range of `query` with messages to this endpoint, in the order asked for,
  // at most `limit`: what a scan by state goes through.
  virtual Result<std::vector<SegmentNumber>> segments_with_endpoint(const EntryQuery& query) = 0;

 protected:
  IndexTiers() = default;
};

}  // namespace posthorn::store::segment

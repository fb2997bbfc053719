// The dedupe keys of the last day and more in sorted key files, merged by age into spans of 1, 1,
// 2, 4, 8 and 16 hours, each with a layered filter of which as much is kept in memory as the
// budget allows. Owns its folder: <first seq>-<last seq>.keys; a file whose range lies within
// another's is out of date. Grammar: docs/formats/dedupe.md.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "store/engines/segment/file_names.h"
#include "store/engines/segment/recent_keys.h"
#include "store/engines/segment/sorted_file.h"

namespace posthorn::store::segment {

struct DedupeTiersOptions {
  std::string directory;
  seconds window{24 * 3600};            // an entry is found for at least so long
  size_t filter_bytes_max = 64u << 20;  // of filters in memory
};

struct DedupeCounts {
  size_t files = 0;
  uint64_t keys = 0;
  size_t filter_bytes = 0;  // in memory
};

// Queries: any thread. Changes: one thread at a time, beside queries.
class DedupeTiers {
 public:
  static Result<std::unique_ptr<DedupeTiers>> open(io::Disk& disk, BlockCache& cache,
                                                   DedupeTiersOptions options);
  virtual ~DedupeTiers() = default;

  // True: no key file has the key. Memory only; any thread, loops included. With all filters in
  // memory it is wrongly false for <= 0.1 % of keys and file.
  virtual bool surely_new(const model::DedupeKey& key) const = 0;
  // The newest entry with this key. May read the disk.
  virtual Result<std::optional<Seq>> find(const model::DedupeKey& key) = 0;

  // Writes a frozen table as a key file, durable on return and seen by queries from then on.
  // Writing the keys of a replay again is harmless.
  virtual Status add(const KeyTable& table) = 0;
  // Merges files that belong together and removes those whose newest key left the window; true
  // when there may be more to do.
  virtual Result<bool> merge_step(WallTime now) = 0;
  // Ranges of seqs whose key file is damaged. find() answers kUnavailable where it needs one, until
  // its keys were added again and it is removed.
  virtual std::vector<NumberRange> damaged() const = 0;
  virtual Status remove_damaged(const NumberRange& seqs) = 0;
  virtual DedupeCounts counts() const = 0;
  // All keys of messages up to here are in key files (0: none): where a replay may start.
  virtual Seq covered() const = 0;
};

}  // namespace posthorn::store::segment

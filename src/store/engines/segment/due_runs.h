// Deliveries that wait for a time, in sorted runs on disk bucketed by due time, and in memory
// those that came since the last flush. A checkpoint names the runs that belong to it; runs are
// merged and swept between checkpoints. Grammar: docs/formats/due.md.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "store/due_index.h"
#include "store/engines/segment/sorted_file.h"

namespace posthorn::store::segment {

struct DueRunsOptions {
  std::string directory;
  size_t memory_entries_max = 64 * 1024;  // see wants_flush()
  size_t runs_per_bucket_max = 8;
  size_t runs_max = 256;  // beyond it old buckets are merged with one another
};

// False for an entry whose delivery is settled or has had a later try. May read the disk.
using IsLive = std::function<Result<bool>(const DueEntry&)>;

// Queries: any thread but the loops. Changes: one thread at a time, beside queries.
class DueRuns {
 public:
  // `section` is what section() gave to the checkpoint that recovery starts from; empty: none.
  static Result<std::unique_ptr<DueRuns>> open(io::Disk& disk, BlockCache& cache,
                                               DueRunsOptions options, ByteView section);
  virtual ~DueRuns() = default;

  // In log order. Memory only.
  virtual void add(const DueEntry& entry) = 0;
  // The entry was answered by a later try or its delivery is settled; only the key matters. Memory
  // only. Leaving it out (a lane cancelled as a whole) costs reads until the next sweep, no more.
  virtual void settled(const DueEntry& entry) = 0;
  // True when the entries in memory pass the limit: flush soon.
  virtual bool wants_flush() const = 0;

  // DueIndex::page, with settled entries left out by `is_live`.
  virtual Result<std::vector<DueEntry>> page(const DueQuery& query, const IsLive& is_live) = 0;
  // Entries added and not settled; an upper bound when settled() was not told of some.
  virtual uint64_t pending() const = 0;

  // Writes what is in memory as runs, durable on return.
  virtual Status flush() = 0;
  // One bounded step: merges a bucket with too many runs, or reads through a bucket in the past
  // that may be all settled and drops it. True when there may be more to do.
  virtual Result<bool> maintain(WallTime now, const IsLive& is_live) = 0;
  // For the checkpoint that follows flush(): the runs and their live counts.
  virtual std::string section() const = 0;
  // Paths of all files that section() names.
  virtual std::vector<std::string> files() const = 0;
};

}  // namespace posthorn::store::segment

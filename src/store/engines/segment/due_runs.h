// Deliveries that wait for a time, in sorted runs on disk bucketed by due time, and in memory
// those that came since the last flush. Runs are immutable; which of their entries are gone is a
// bit each in memory. A checkpoint names the runs and holds the bits, so that after a restart the
// log behind it brings everything to where it was. Grammar: docs/formats/due.md.
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
  size_t runs_per_bucket_max = 8;         // of about the same size
  size_t runs_max = 256;                  // beyond it runs of neighbouring buckets are merged
  size_t step_entries_max = 32 * 1024;    // entries that one maintain() reads
};

// False for an entry that is gone for a reason that settled() was not told, such as a lane that
// was closed as a whole. May read the disk.
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
  // Removes the entry with this key. Reads the disk when it is in a run. No error when there is
  // none.
  virtual Status settled(const DueEntry& entry) = 0;
  // True when the entries in memory pass the limit: flush soon.
  virtual bool wants_flush() const = 0;

  // DueIndex::page, with entries left out (and forgotten) that `is_live` says are gone.
  // kUnavailable while a run is damaged: a reader that went on would never see what it held.
  virtual Result<std::vector<DueEntry>> page(const DueQuery& query, const IsLive& is_live) = 0;
  // Entries added and not settled; those that only `is_live` knows of are still counted.
  virtual uint64_t pending() const = 0;
  // A run failed its checksum, or was said to: entries may be missing. To mend it, restart() and
  // tell again everything that the log says.
  virtual bool damaged() const = 0;
  virtual void mark_damaged() = 0;
  virtual void restart() = 0;

  // Writes what is in memory as runs, durable on return.
  virtual Status flush() = 0;
  // One bounded step of merging runs and of rewriting those that are mostly gone; true when there
  // may be more to do.
  virtual Result<bool> maintain(WallTime now, const IsLive& is_live) = 0;
  // For the checkpoint that follows flush(): the runs and what of them is gone.
  virtual std::string section() const = 0;
  // Paths of all files that section() names.
  virtual std::vector<std::string> files() const = 0;
};

}  // namespace posthorn::store::segment

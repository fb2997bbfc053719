// A run of due entries, and reading several runs in order without what is gone. Private to the due
// runs.
#pragma once
#include <atomic>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "store/engines/segment/due_format.h"
#include "store/engines/segment/sorted_file.h"

namespace posthorn::store::segment {

// Immutable but for the bits of entries that are gone, which one thread sets and others read.
struct DueRun {
  DueRun(uint64_t file_number, DueBucket of, std::shared_ptr<const SortedFile> opened);

  uint64_t live() const { return info().entries - gone.load(std::memory_order_relaxed); }
  const TableInfo& info() const { return *file->table(kDueShape.table); }
  bool is_gone(uint64_t slot) const;
  // False when it was gone already.
  bool mark_gone(uint64_t slot);
  bool may_hold(WallTime due) const { return first <= due && due <= last; }

  const uint64_t number;  // of its file
  const DueBucket bucket;
  const std::shared_ptr<const SortedFile> file;
  WallTime first;  // due times of its entries
  WallTime last;
  std::atomic<uint64_t> gone{0};
  std::vector<std::atomic<uint64_t>> gone_bits;  // by slot
};
using DueRunRef = std::shared_ptr<DueRun>;

// Walks runs in the order of keys. One thread. A run that turns out damaged is left out from there
// on; any other error ends the walk.
class DueMerge {
 public:
  // Behind the key `after` (empty: from the start).
  DueMerge(std::vector<DueRunRef> runs, std::string after);

  struct At {
    DueRunRef run;
    uint64_t slot = 0;
    ByteView entry;  // lives until the merge moves
  };
  // The smallest entry that is not gone; empty at the end. Stays there until next().
  const At* top();
  void next();
  bool damaged() const { return damaged_; }
  // To be asked at the end: why there are no more entries.
  const Status& failed() const { return failed_; }

 private:
  struct Source {
    DueRunRef run;
    SortedCursor cursor;
  };
  void start();
  // Puts the source where it belongs, or drops it at its end or when it is damaged.
  void settle(size_t source, const Status& moved);
  void skip_gone(size_t source, Status moved);
  bool later(size_t a, size_t b) const;

  std::vector<Source> sources_;
  std::vector<size_t> heap_;
  bool damaged_ = false;
  Status failed_;
  const std::string after_;
  bool started_ = false;
  At at_;
};

}  // namespace posthorn::store::segment

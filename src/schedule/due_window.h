// The near future of one shard: due entries up to a moving horizon, in memory; what lies beyond is
// in the due index on disk. Pure.
#pragma once
#include <set>
#include <vector>

#include "store/due_index.h"

namespace posthorn::schedule {

class DueWindow {
 public:
  explicit DueWindow(size_t entries_max) : entries_max_(entries_max) {}

  // An entry that was just recorded. Kept when it lies within the horizon and there is room; else
  // the index has it, and a later page brings it.
  void add(const store::DueEntry& entry);
  // Entries read from the index: all those after the key of `after`, up to that of `reached`.
  // `after` is what horizon() was when the read began; it may have gone back since.
  struct Page {
    const std::vector<store::DueEntry>& entries;
    const store::DueEntry& after;
    const store::DueEntry& reached;
  };
  void add_page(const Page& page);
  // The key behind everything that is due at or before `until`.
  static store::DueEntry end_of(WallTime until);
  // Takes everything due at `now`, in order.
  std::vector<store::DueEntry> take_due(WallTime now, size_t limit);

  // Everything up to this key is in memory or was taken.
  const store::DueEntry& horizon() const { return horizon_; }
  // More must be read: the horizon is nearer than `ahead` and there is room.
  bool wants_page(WallTime now, microseconds ahead) const;
  // Goes back so that entries after `key` are read again (a lane could not take them).
  void rewind(const store::DueEntry& key);
  WallTime next_due() const { return entries_.empty() ? WallTime{} : entries_.begin()->due; }
  size_t size() const { return entries_.size(); }

 private:
  struct ByKey {
    bool operator()(const store::DueEntry& a, const store::DueEntry& b) const {
      return key_of(a) < key_of(b);
    }
  };
  size_t entries_max_;
  std::set<store::DueEntry, ByKey> entries_;
  store::DueEntry horizon_;
};

}  // namespace posthorn::schedule

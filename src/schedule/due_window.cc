// pure: the sorted near future of due entries.
#include "schedule/due_window.h"

namespace posthorn::schedule {

void DueWindow::add(const store::DueEntry& entry) {
  if (key_of(horizon_) < key_of(entry)) return;
  entries_.insert(entry);
  if (entries_.size() <= entries_max_) return;
  // Over the limit: the farthest one goes back to the index, and the horizon in front of it.
  entries_.erase(std::prev(entries_.end()));
  horizon_ = *std::prev(entries_.end());
}

void DueWindow::add_page(const Page& page) {
  entries_.insert(page.entries.begin(), page.entries.end());
  // In front of a page that began behind the horizon there are entries that were not read.
  if (key_of(horizon_) < key_of(page.after)) return;
  if (key_of(horizon_) < key_of(page.reached)) horizon_ = page.reached;
}

store::DueEntry DueWindow::end_of(WallTime until) {
  store::DueEntry end;
  end.due = until;
  end.seq = Seq{~uint64_t{0}};
  return end;
}

std::vector<store::DueEntry> DueWindow::take_due(WallTime now, size_t limit) {
  std::vector<store::DueEntry> taken;
  while (!entries_.empty() && entries_.begin()->due <= now && taken.size() < limit) {
    taken.push_back(*entries_.begin());
    entries_.erase(entries_.begin());
  }
  return taken;
}

bool DueWindow::wants_page(WallTime now, microseconds ahead) const {
  return entries_.size() < entries_max_ / 2 && horizon_.due < now + ahead;
}

void DueWindow::rewind(const store::DueEntry& key) {
  if (key_of(key) < key_of(horizon_)) horizon_ = key;
}

}  // namespace posthorn::schedule

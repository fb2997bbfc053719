// pure: pages of lists. A page is asked for by limit and iterator; `-id` as iterator asks for the
// page that ends before that id.
#pragma once
#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "api/query.h"

namespace posthorn::api {

inline constexpr uint64_t kPageMax = 250;
inline constexpr uint64_t kPageDefault = 50;
// A page of large entries ends early, not done: one answer stays this small and one entry.
inline constexpr size_t kPageBytesMax = 8u << 20;

// How to read one page: `after` is exclusive in the direction of the order.
template <typename Id>
struct PageQuery {
  size_t limit = kPageDefault;
  std::optional<Id> after;
  bool ascending = false;
  bool reversed = false;  // read against the order that was asked for; turn the page round
};

template <typename IdKind>
PageQuery<Id<IdKind>> read_page_query(Query& query, bool ascending) {
  PageQuery<Id<IdKind>> page;
  page.limit = query.number("limit", 1, kPageMax).value_or(kPageDefault);
  page.after = query.iterator<IdKind>("iterator", page.reversed);
  page.ascending = page.reversed ? !ascending : ascending;
  return page;
}

// "ascending" or "descending".
bool read_order(Query& query, bool ascending);

// `after` of a list: strictly later than that time. No time when it is absent.
WallTime read_after(Query& query);

// {"data":[…],"iterator":…,"prevIterator":…,"done":…}
class PageWriter {
 public:
  explicit PageWriter(std::string& out) : out_(out) { out_.append("{\"data\":["); }
  // Call before the JSON of each item is appended to the same text.
  void item(std::string id) {
    if (first_.empty()) {
      first_ = id;
    } else {
      out_.push_back(',');
    }
    last_ = std::move(id);
  }
  // For a page that stopped early: where to go on although that item is not in it. `reversed`: it
  // was read against the order that was asked for.
  void scanned_to(std::string id, bool reversed = false) {
    (reversed ? first_ : last_) = std::move(id);
  }
  void end(bool done);

 private:
  std::string& out_;
  std::string first_;
  std::string last_;
};

}  // namespace posthorn::api

// pure: fields and list pages that several resources share, under the names of both generations
// of client libraries.
#pragma once
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "api/body.h"
#include "api/page.h"
#include "model/endpoint.h"
#include "wire/json_writer.h"

namespace posthorn::api {

// An empty uid is refused; none is empty text.
std::string read_uid(Body& body);
// throttleRate, or rateLimit as it was called.
std::optional<uint16_t> read_throttle_rate(Body& body);

void append_throttle_rate(wire::JsonWriter& json, const std::optional<uint16_t>& rate);
void append_metadata(wire::JsonWriter& json, const model::Metadata& metadata);
// An array, or null when there are none (which means all).
void append_filter(wire::JsonWriter& json, std::string_view name,
                   const std::vector<std::string>& texts);

// The page of values that are offered in any order: keeps the `limit` nearest behind the iterator.
template <typename Value, typename Id>
class PageSelection {
 public:
  explicit PageSelection(const PageQuery<Id>& page) : page_(page) {}

  void offer(const Id& id, const Value& value) {
    if (page_.after && !before(*page_.after, id)) return;
    if (kept_.size() == page_.limit + 1 && !before(id, kept_.front().first)) return;
    kept_.emplace_back(id, value);
    std::push_heap(kept_.begin(), kept_.end(), later_on_top());
    if (kept_.size() <= page_.limit + 1) return;
    std::pop_heap(kept_.begin(), kept_.end(), later_on_top());
    kept_.pop_back();
  }

  // `append(out, value)` writes one item.
  template <typename Append>
  std::string render(Append append) {
    std::sort(kept_.begin(), kept_.end(), later_on_top());
    const bool done = kept_.size() <= page_.limit;
    if (!done) kept_.pop_back();
    if (page_.reversed) std::reverse(kept_.begin(), kept_.end());
    std::string out;
    PageWriter writer(out);
    for (const auto& [id, value] : kept_) {
      writer.item(id.text());
      append(out, value);
    }
    writer.end(done);
    return out;
  }

 private:
  bool before(const Id& a, const Id& b) const { return page_.ascending ? a < b : b < a; }
  auto later_on_top() const {
    return [this](const auto& a, const auto& b) { return before(a.first, b.first); };
  }

  const PageQuery<Id> page_;
  std::vector<std::pair<Id, Value>> kept_;  // a heap with the last one on top
};

}  // namespace posthorn::api

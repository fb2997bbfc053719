// pure: the query string of a request, read by name; what is malformed or out of range is added to
// the issues of the request (loc: query, name).
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/ids.h"
#include "base/units.h"
#include "model/refusal.h"

namespace posthorn::api {

class Query {
 public:
  static constexpr size_t kPairsMax = 64;

  // '+' is a space, %XX a byte. Text that cannot be decoded or has too many pairs is an issue.
  Query(std::string_view text, model::IssueList& issues);

  // The last value of that name, if there is one.
  std::optional<std::string_view> text(std::string_view name) const;
  bool flag(std::string_view name, bool otherwise);
  std::optional<uint64_t> number(std::string_view name, uint64_t min, uint64_t max);
  std::optional<WallTime> time(std::string_view name);
  // All values of `name` and `name[]`, each cut at commas.
  std::vector<std::string> list(std::string_view name, size_t items_max);

  // The iterator of a list: an id of that kind. A leading '-' asks for the page before it.
  template <typename IdKind>
  std::optional<Id<IdKind>> iterator(std::string_view name, bool& backwards) {
    auto value = text(name);
    if (!value || value->empty()) return std::nullopt;
    backwards = value->starts_with('-');
    if (backwards) value->remove_prefix(1);
    const auto id = Id<IdKind>::parse(*value);
    if (!id) refuse(name, kNotAnIterator);
    return id;
  }

  void refuse(std::string_view name, std::string msg);

 private:
  static constexpr const char* kNotAnIterator =
      "is not an iterator of this list: give back the `iterator` of a page as it was";

  model::IssueList& issues_;
  std::vector<std::pair<std::string, std::string>> pairs_;
};

}  // namespace posthorn::api

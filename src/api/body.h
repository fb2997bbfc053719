// pure: the JSON body of a request, read field by field; what is missing or of the wrong kind is
// added to the issues (loc: body, field). Absent and null read alike.
#pragma once
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/refusal.h"
#include "wire/json.h"

namespace posthorn::api {

class Body {
 public:
  // `text` must outlive this. A body that is not a JSON object is one issue.
  Body(std::string_view text, model::IssueList& issues);

  bool has(std::string_view name) const { return find(name) != nullptr; }
  // Empty, with an issue, when it is absent.
  std::string required_text(std::string_view name);
  std::optional<std::string> text(std::string_view name);
  std::optional<bool> flag(std::string_view name);
  std::optional<int64_t> number(std::string_view name, int64_t min, int64_t max);
  // At most `count_max` texts.
  std::vector<std::string> texts(std::string_view name, size_t count_max);
  // An object whose values are texts.
  std::map<std::string, std::string> text_map(std::string_view name);
  // The newer name, or the one that older clients use.
  std::string_view either(std::string_view name, std::string_view older) const {
    return has(name) || !has(older) ? name : older;
  }
  void refuse(std::string_view name, std::string msg);

 private:
  // Null when it is absent or null.
  const wire::JsonValue* find(std::string_view name) const;
  std::optional<std::string> text_of(std::string_view name, const wire::JsonValue& value);

  model::IssueList& issues_;
  wire::JsonObject members_;
};

}  // namespace posthorn::api

// pure: typed reads of a JSON object.
#include "api/body.h"

#include <fmt/format.h>

namespace posthorn::api {

using wire::JsonKind;
using wire::JsonValue;

namespace {
constexpr size_t kMapEntriesMax = 1000;
}

Body::Body(std::string_view text, model::IssueList& issues) : issues_(issues) {
  const auto value = wire::parse_json(text);
  if (!value.ok()) {
    issues_.add({"body"}, value.error().message, "value_error.jsondecode");
    return;
  }
  if (const Status object = members_.assign(*value); !object.ok()) {
    issues_.add({"body"}, object.error().message);
  }
}

const JsonValue* Body::find(std::string_view name) const {
  const JsonValue* const value = members_.find(name);
  return value == nullptr || value->is_null() ? nullptr : value;
}

void Body::refuse(std::string_view name, std::string msg) {
  issues_.add({"body", std::string(name)}, std::move(msg));
}

std::optional<std::string> Body::text_of(std::string_view name, const JsonValue& value) {
  if (value.kind() != JsonKind::kString) {
    refuse(name, "must be a string");
    return std::nullopt;
  }
  std::string scratch;
  const auto text = value.text(scratch);
  if (text) return std::string(*text);
  refuse(name, "has half of a surrogate pair: give whole characters");
  return std::nullopt;
}

std::optional<std::string> Body::text(std::string_view name) {
  const JsonValue* const value = find(name);
  return value == nullptr ? std::nullopt : text_of(name, *value);
}

std::string Body::required_text(std::string_view name) {
  if (!has(name)) {
    // A body that is no object has been refused as a whole.
    if (issues_.empty() || !members_.members().empty()) refuse(name, "is missing");
    return {};
  }
  return text(name).value_or("");
}

std::optional<bool> Body::flag(std::string_view name) {
  const JsonValue* const value = find(name);
  if (value == nullptr) return std::nullopt;
  const auto flag = value->boolean();
  if (!flag) refuse(name, "must be true or false");
  return flag;
}

std::optional<int64_t> Body::number(std::string_view name, int64_t min, int64_t max) {
  const JsonValue* const value = find(name);
  if (value == nullptr) return std::nullopt;
  const auto number = value->integer();
  if (number && *number >= min && *number <= max) return number;
  refuse(name, fmt::format("must be a whole number from {} to {}", min, max));
  return std::nullopt;
}

std::vector<std::string> Body::texts(std::string_view name, size_t count_max) {
  std::vector<std::string> out;
  const JsonValue* const value = find(name);
  if (value == nullptr) return out;
  if (value->kind() != JsonKind::kArray) {
    refuse(name, "must be an array of strings");
    return out;
  }
  wire::JsonElements elements(*value);
  while (const auto element = elements.next()) {
    if (out.size() == count_max) {
      refuse(name, fmt::format("has more than {} entries", count_max));
      return out;
    }
    auto text = text_of(name, *element);
    if (!text) return out;
    out.push_back(std::move(*text));
  }
  return out;
}

std::map<std::string, std::string> Body::text_map(std::string_view name) {
  std::map<std::string, std::string> out;
  const JsonValue* const value = find(name);
  if (value == nullptr) return out;
  if (value->kind() != JsonKind::kObject) {
    refuse(name, "must be an object of strings");
    return out;
  }
  wire::JsonMembers members(*value);
  while (const auto member = members.next()) {
    auto key = text_of(name, member->key);
    auto text = text_of(name, member->value);
    if (!key || !text) return out;
    if (!out.emplace(std::move(*key), std::move(*text)).second || out.size() > kMapEntriesMax) {
      refuse(name, fmt::format("must have at most {} entries, each key once", kMapEntriesMax));
      return out;
    }
  }
  return out;
}

}  // namespace posthorn::api

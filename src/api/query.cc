// pure: decoding of query strings and the types of their values.
#include "api/query.h"

#include <fmt/format.h>

#include <charconv>

#include "wire/time_text.h"
#include "wire/url.h"

namespace posthorn::api {

Query::Query(std::string_view text, model::IssueList& issues) : issues_(issues) {
  while (!text.empty()) {
    const size_t end = text.find('&');
    const std::string_view pair = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (pair.empty()) continue;
    if (pairs_.size() == kPairsMax) {
      issues_.add({"query"}, fmt::format("has more than {} parameters", kPairsMax));
      return;
    }
    const size_t equals = pair.find('=');
    const std::string_view given =
        equals == std::string_view::npos ? std::string_view() : pair.substr(equals + 1);
    auto name = wire::percent_decode(pair.substr(0, equals), /*plus=*/true);
    auto value = wire::percent_decode(given, /*plus=*/true);
    if (!name || !value) {
      issues_.add({"query"}, "a % must be followed by two hexadecimal digits");
      return;
    }
    pairs_.emplace_back(std::move(*name), std::move(*value));
  }
}

void Query::refuse(std::string_view name, std::string msg) {
  issues_.add({"query", std::string(name)}, std::move(msg));
}

std::optional<std::string_view> Query::text(std::string_view name) const {
  for (size_t i = pairs_.size(); i-- > 0;) {
    if (pairs_[i].first == name) return pairs_[i].second;
  }
  return std::nullopt;
}

bool Query::flag(std::string_view name, bool otherwise) {
  const auto value = text(name);
  if (!value) return otherwise;
  if (*value == "true") return true;
  if (*value == "false") return false;
  refuse(name, "must be true or false");
  return otherwise;
}

std::optional<uint64_t> Query::number(std::string_view name, uint64_t min, uint64_t max) {
  const auto value = text(name);
  if (!value) return std::nullopt;
  uint64_t number = 0;
  const auto [end, failed] = std::from_chars(value->data(), value->data() + value->size(), number);
  if (failed != std::errc() || end != value->data() + value->size() || number < min ||
      number > max) {
    refuse(name, fmt::format("must be a number from {} to {}", min, max));
    return std::nullopt;
  }
  return number;
}

std::optional<WallTime> Query::time(std::string_view name) {
  const auto value = text(name);
  if (!value || value->empty()) return std::nullopt;
  auto time = wire::parse_rfc3339(*value);
  if (!time && value->find(' ') != std::string_view::npos) {
    // An unescaped '+' of an offset has become a space.
    std::string repaired(*value);
    repaired[repaired.rfind(' ')] = '+';
    time = wire::parse_rfc3339(repaired);
  }
  if (!time) refuse(name, "must be a time like 2026-01-31T09:15:00Z");
  return time;
}

std::vector<std::string> Query::list(std::string_view name, size_t items_max) {
  std::vector<std::string> items;
  for (const auto& [key, value] : pairs_) {
    const std::string_view plain =
        key.ends_with("[]") ? std::string_view(key).substr(0, key.size() - 2) : key;
    if (plain != name) continue;
    std::string_view rest = value;
    while (!rest.empty()) {
      const size_t end = rest.find(',');
      const std::string_view item = rest.substr(0, end);
      rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
      if (item.empty()) continue;
      if (items.size() == items_max) {
        refuse(name, fmt::format("has more than {} values", items_max));
        return items;
      }
      items.emplace_back(item);
    }
  }
  return items;
}

}  // namespace posthorn::api

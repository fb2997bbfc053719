// Reads TOML with toml++, the only file that includes it.
#include <toml++/toml.h>

#include "app/config.h"

namespace posthorn::app {
namespace {

Result<std::string> scalar_text(const toml::node& node) {
  if (const auto text = node.value_exact<std::string>()) return *text;
  if (const auto flag = node.value_exact<bool>()) return std::string(*flag ? "true" : "false");
  if (const auto whole = node.value_exact<int64_t>()) return std::to_string(*whole);
  if (const auto number = node.value_exact<double>()) return fmt::format("{}", *number);
  return error(Errc::kInvalid, "wants text, a number, true or false, or a list of these");
}

Result<std::string> value_text(const toml::node& node) {
  const toml::array* list = node.as_array();
  if (list == nullptr) return scalar_text(node);
  std::string joined;
  for (const toml::node& element : *list) {
    PH_ASSIGN(const std::string text, scalar_text(element));
    if (!joined.empty()) joined += ',';
    joined += text;
  }
  return joined;
}

}  // namespace

Result<std::map<std::string, std::string>> flatten_toml(std::string_view text) {
  toml::table root;
  try {
    root = toml::parse(text);
  } catch (const toml::parse_error& failure) {
    return error(Errc::kInvalid, fmt::format("line {}: {}", failure.source().begin.line,
                                             std::string_view(failure.description())));
  }
  std::map<std::string, std::string> pairs;
  for (const auto& [section, node] : root) {
    const toml::table* table = node.as_table();
    if (table == nullptr) {
      return error(Errc::kInvalid,
                   fmt::format("'{}' stands outside a section such as [server]", section.str()));
    }
    for (const auto& [key, value] : *table) {
      const std::string name = fmt::format("{}.{}", section.str(), key.str());
      PH_ASSIGN(std::string flat, value_text(value).context(name));
      pairs[name] = std::move(flat);
    }
  }
  return pairs;
}

}  // namespace posthorn::app

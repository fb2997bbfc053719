// pure: names of numbered files, "<20 digits>.<suffix>" or "<20 digits>-<20 digits>.<suffix>", so
// that the order of names is the order of numbers. Used by every folder owner of this engine.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace posthorn::store::segment {

struct NumberRange {
  uint64_t first = 0;
  uint64_t last = 0;
  auto operator<=>(const NumberRange&) const = default;
  bool holds(const NumberRange& other) const { return first <= other.first && other.last <= last; }
};

// "<folder>/<name>"
std::string path_in(std::string_view folder, std::string_view name);

std::string number_name(uint64_t number, std::string_view suffix);
std::string range_name(const NumberRange& range, std::string_view suffix);
// Empty for every other form.
std::optional<uint64_t> parse_number_name(std::string_view name, std::string_view suffix);
std::optional<NumberRange> parse_range_name(std::string_view name, std::string_view suffix);

}  // namespace posthorn::store::segment

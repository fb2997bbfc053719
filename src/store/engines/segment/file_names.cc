// pure: printing and strictly parsing numbered file names.
#include "store/engines/segment/file_names.h"

#include <fmt/format.h>

#include <charconv>

namespace posthorn::store::segment {
namespace {

constexpr size_t kDigits = 20;  // of the largest 64-bit number

std::optional<uint64_t> parse_digits(std::string_view text) {
  if (text.size() != kDigits) return std::nullopt;
  uint64_t number = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + kDigits, number);
  if (failure != std::errc() || end != text.data() + kDigits) return std::nullopt;
  return number;
}

// The name without "." and the suffix.
std::optional<std::string_view> stem(std::string_view name, std::string_view suffix) {
  if (!name.ends_with(suffix)) return std::nullopt;
  name.remove_suffix(suffix.size());
  if (!name.ends_with('.')) return std::nullopt;
  name.remove_suffix(1);
  return name;
}

}  // namespace

std::string path_in(std::string_view folder, std::string_view name) {
  std::string path;
  path.reserve(folder.size() + 1 + name.size());
  path.append(folder).append("/").append(name);
  return path;
}

std::string number_name(uint64_t number, std::string_view suffix) {
  return fmt::format("{:020}.{}", number, suffix);
}

std::string range_name(const NumberRange& range, std::string_view suffix) {
  return fmt::format("{:020}-{:020}.{}", range.first, range.last, suffix);
}

std::optional<uint64_t> parse_number_name(std::string_view name, std::string_view suffix) {
  const auto digits = stem(name, suffix);
  return digits ? parse_digits(*digits) : std::nullopt;
}

std::optional<NumberRange> parse_range_name(std::string_view name, std::string_view suffix) {
  const auto both = stem(name, suffix);
  if (!both || both->size() != 2 * kDigits + 1 || (*both)[kDigits] != '-') return std::nullopt;
  const auto first = parse_digits(both->substr(0, kDigits));
  const auto last = parse_digits(both->substr(kDigits + 1));
  if (!first || !last || *first > *last) return std::nullopt;
  return NumberRange{*first, *last};
}

}  // namespace posthorn::store::segment

// pure: see columns.h. Written as JSON, so that a person with the sqlite3 program can read it.
#include "store/engines/sqlite/columns.h"

#include <fmt/format.h>

#include "wire/json.h"
#include "wire/json_writer.h"

namespace posthorn::store::sqlite {
namespace {

constexpr char kHexDigits[] = "0123456789abcdef";

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

Error corrupt(std::string_view what) {
  return error(Errc::kCorrupt, fmt::format("a column is not {}", what));
}

Result<wire::JsonValue> parse_kind(std::string_view text, wire::JsonKind kind) {
  auto value = wire::parse_json(text);
  if (!value.ok() || value.value().kind() != kind) {
    return corrupt(kind == wire::JsonKind::kArray ? "a JSON array" : "a JSON object");
  }
  return std::move(value).value();
}

Result<std::string> text_in(const wire::JsonValue& value) {
  std::string scratch;
  const auto text = value.text(scratch);
  if (!text) return corrupt("made of JSON strings");
  return std::string(*text);
}

}  // namespace

std::string text_of(const std::vector<std::string>& list) {
  std::string out;
  wire::JsonWriter json(out);
  json.begin_array();
  for (const std::string& text : list) json.string(text);
  json.end_array();
  return out;
}

std::string text_of(const model::Metadata& map) {
  std::string out;
  wire::JsonWriter json(out);
  json.begin_object();
  for (const auto& [key, value] : map) {
    json.key(key);
    json.string(value);
  }
  json.end_object();
  return out;
}

std::string text_of(const std::vector<model::Header>& headers) {
  std::string out;
  wire::JsonWriter json(out);
  json.begin_array();
  for (const model::Header& header : headers) {
    json.begin_array();
    json.string(header.name);
    json.string(header.value);
    json.end_array();
  }
  json.end_array();
  return out;
}

std::string hex_of(std::string_view bytes) {
  std::string out;
  out.reserve(bytes.size() * 2);
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    out.push_back(kHexDigits[byte >> 4]);
    out.push_back(kHexDigits[byte & 15]);
  }
  return out;
}

Status parse_column(std::string_view text, std::vector<std::string>& list) {
  PH_ASSIGN(const wire::JsonValue value, parse_kind(text, wire::JsonKind::kArray));
  wire::JsonElements elements(value);
  while (const auto element = elements.next()) {
    PH_ASSIGN(std::string one, text_in(*element));
    list.push_back(std::move(one));
  }
  return {};
}

Status parse_column(std::string_view text, model::Metadata& map) {
  PH_ASSIGN(const wire::JsonValue value, parse_kind(text, wire::JsonKind::kObject));
  wire::JsonMembers members(value);
  while (const auto member = members.next()) {
    PH_ASSIGN(std::string key, text_in(member->key));
    PH_ASSIGN(std::string one, text_in(member->value));
    map[std::move(key)] = std::move(one);
  }
  return {};
}

Status parse_column(std::string_view text, std::vector<model::Header>& headers) {
  PH_ASSIGN(const wire::JsonValue value, parse_kind(text, wire::JsonKind::kArray));
  wire::JsonElements pairs(value);
  while (const auto pair = pairs.next()) {
    std::vector<std::string> parts;
    PH_TRY(parse_column(pair->raw(), parts));
    if (parts.size() != 2) return corrupt("made of pairs");
    headers.push_back({std::move(parts[0]), std::move(parts[1])});
  }
  return {};
}

Result<std::string> bytes_of_hex(std::string_view text) {
  if (text.size() % 2 != 0) return corrupt("hexadecimal");
  std::string bytes;
  bytes.reserve(text.size() / 2);
  for (size_t at = 0; at < text.size(); at += 2) {
    const int high = hex_value(text[at]);
    const int low = hex_value(text[at + 1]);
    if (high < 0 || low < 0) return corrupt("hexadecimal");
    bytes.push_back(static_cast<char>(high << 4 | low));
  }
  return bytes;
}

}  // namespace posthorn::store::sqlite

// pure: lists, maps and bytes as text for columns of the configuration tables: JSON arrays,
// objects, arrays of pairs, and hexadecimal.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/endpoint.h"

namespace posthorn::store::sqlite {

std::string text_of(const std::vector<std::string>& list);       // ["a","b"]
std::string text_of(const model::Metadata& map);                 // {"k":"v"}
std::string text_of(const std::vector<model::Header>& headers);  // [["Name","value"]]
std::string hex_of(std::string_view bytes);

// Each: kCorrupt when `text` is anything else.
Status parse_column(std::string_view text, std::vector<std::string>& list);
Status parse_column(std::string_view text, model::Metadata& map);
Status parse_column(std::string_view text, std::vector<model::Header>& headers);
Result<std::string> bytes_of_hex(std::string_view text);

}  // namespace posthorn::store::sqlite

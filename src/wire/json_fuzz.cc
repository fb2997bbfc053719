// Any bytes as JSON: the walk over accepted text must cover it, its parts must be JSON themselves,
// and simdjson must agree on what it can represent.
#include <simdjson.h>

#include "wire/json.h"

namespace posthorn::wire {
namespace {

void require(bool condition) {
  if (!condition) __builtin_trap();
}

void walk(const JsonValue& value, int depth) {
  std::string scratch;
  require(parse_json(value.raw()).ok());
  require(parse_json(value.raw())->raw() == value.raw());
  (void)value.text(scratch);
  (void)value.integer();
  (void)value.number();
  if (depth > 4) return;
  JsonElements elements(value);
  while (const auto element = elements.next()) walk(*element, depth + 1);
  JsonMembers members(value);
  while (const auto member = members.next()) {
    require(member->key.kind() == JsonKind::kString);
    walk(member->value, depth + 1);
  }
  JsonObject object;
  (void)object.assign(value);
}

// What the check notes on its way is what the walk finds.
void compare_members(ByteView text, const JsonValue& value) {
  std::vector<JsonMember> noted;
  require(parse_json(text, noted).ok());
  JsonMembers walked(value);
  size_t count = 0;
  while (const auto member = walked.next()) {
    if (count == JsonObject::kMembersMax + 1) break;
    require(count < noted.size());
    require(noted[count].key.raw() == member->key.raw());
    require(noted[count].value.raw() == member->value.raw());
    ++count;
  }
  require(count == noted.size());
}

}  // namespace
}  // namespace posthorn::wire

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace posthorn::wire;  // NOLINT
  const posthorn::ByteView input(reinterpret_cast<const char*>(data), size);
  const auto value = parse_json(input, {.depth = 64});
  if (value.ok()) {
    walk(*value, 0);
    compare_members(input, *value);
  }
  static simdjson::dom::parser parser;
  if (parser.allocate(1 << 20, 1024) != simdjson::SUCCESS || size > 1 << 19) return 0;
  const auto verdict = parser.parse(input.data(), input.size()).error();
  if (verdict == simdjson::SUCCESS && !value.ok()) {
    // We stop at a smaller depth; anything else that simdjson takes, we take.
    require(value.error().message.find("deep") != std::string::npos);
  }
  if (verdict != simdjson::SUCCESS && value.ok()) {
    // Numbers beyond its types, and lone surrogates, are what it cannot represent.
    require(verdict == simdjson::NUMBER_ERROR || verdict == simdjson::STRING_ERROR);
  }
  return 0;
}

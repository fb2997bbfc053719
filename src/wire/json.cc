// Views into checked JSON: walking, and reading of scalars.
#include "wire/json.h"

#include <charconv>

#include "wire/json_grammar.h"
#include "wire/json_scan.h"
#include "wire/utf8.h"

namespace posthorn::wire {
namespace {

// Behind a value: skips the comma, if there is one, and the space around it.
const char* skip_comma(const char* at, const char* end) {
  at = skip_space(at, end);
  if (at < end && *at == ',') at = skip_space(at + 1, end);
  return at;
}

ByteView between(const char* from, const char* to) {
  return {from, static_cast<size_t>(to - from)};
}

uint32_t hex4(const char* at) {
  uint32_t value = 0;
  std::from_chars(at, at + 4, value, 16);
  return value;
}

// Decodes \uXXXX at `in` (checked); a pair of surrogates is one code point. False: a lone one.
bool append_escaped_code(std::string& out, ByteView& in) {
  uint32_t code = hex4(in.data() + 2);
  in.remove_prefix(6);
  if (code < 0xD800 || code > 0xDFFF) {
    append_code_point(out, code);
    return true;
  }
  if (code > 0xDBFF || in.size() < 6 || in[0] != '\\' || in[1] != 'u') return false;
  const uint32_t low = hex4(in.data() + 2);
  if (low < 0xDC00 || low > 0xDFFF) return false;
  in.remove_prefix(6);
  code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
  append_code_point(out, code);
  return true;
}

bool unescape(ByteView in, std::string& out) {
  static constexpr ByteView kNames = "\"\\/bfnrt";
  static constexpr ByteView kBytes = "\"\\/\b\f\n\r\t";
  out.clear();
  while (!in.empty()) {
    const size_t plain = std::min(in.find('\\'), in.size());
    out.append(in.substr(0, plain));
    in.remove_prefix(plain);
    if (in.empty()) break;
    if (in[1] == 'u') {
      if (!append_escaped_code(out, in)) return false;
      continue;
    }
    out.push_back(kBytes[kNames.find(in[1])]);
    in.remove_prefix(2);
  }
  return true;
}

}  // namespace

Result<JsonValue> check_json(JsonGrammar& grammar, ByteView text) {
  if (!grammar.check()) {
    return error(Errc::kInvalid,
                 fmt::format("not valid JSON at byte {}: {}", grammar.offset(), grammar.problem()));
  }
  if (!is_utf8(text)) return error(Errc::kInvalid, "not valid JSON: not UTF-8");
  return JsonValue(grammar.value());
}

Result<JsonValue> parse_json(ByteView text, const JsonLimits& limits) {
  JsonGrammar grammar(text, limits.depth);
  return check_json(grammar, text);
}

Result<JsonValue> parse_json(ByteView text, std::vector<JsonMember>& members,
                             const JsonLimits& limits) {
  members.clear();
  JsonGrammar grammar(text, limits.depth);
  grammar.note_members(members, JsonObject::kMembersMax + 1);
  return check_json(grammar, text);
}

JsonKind JsonValue::kind() const {
  switch (raw_[0]) {
    case '{':
      return JsonKind::kObject;
    case '[':
      return JsonKind::kArray;
    case '"':
      return JsonKind::kString;
    case 't':
    case 'f':
      return JsonKind::kBoolean;
    case 'n':
      return JsonKind::kNull;
    default:
      return JsonKind::kNumber;
  }
}

std::optional<bool> JsonValue::boolean() const {
  if (kind() != JsonKind::kBoolean) return std::nullopt;
  return raw_[0] == 't';
}

std::optional<int64_t> JsonValue::integer() const {
  if (kind() != JsonKind::kNumber) return std::nullopt;
  int64_t value = 0;
  const char* const end = raw_.data() + raw_.size();
  const auto parsed = std::from_chars(raw_.data(), end, value);
  if (parsed.ec != std::errc() || parsed.ptr != end) return std::nullopt;
  return value;
}

std::optional<double> JsonValue::number() const {
  if (kind() != JsonKind::kNumber) return std::nullopt;
  double value = 0;
  const auto parsed = std::from_chars(raw_.data(), raw_.data() + raw_.size(), value);
  if (parsed.ec != std::errc()) return std::nullopt;
  return value;
}

std::optional<ByteView> JsonValue::text(std::string& scratch) const {
  if (kind() != JsonKind::kString) return std::nullopt;
  const ByteView inner = raw_.substr(1, raw_.size() - 2);
  if (inner.find('\\') == ByteView::npos) return inner;
  if (!unescape(inner, scratch)) return std::nullopt;
  return scratch;
}

JsonElements::JsonElements(const JsonValue& array) {
  if (array.kind() != JsonKind::kArray) return;
  end_ = array.raw().data() + array.raw().size() - 1;  // at the closing bracket
  at_ = skip_space(array.raw().data() + 1, end_);
}

std::optional<JsonValue> JsonElements::next() {
  if (at_ == end_) return std::nullopt;
  const char* const start = at_;
  const char* const end = value_end(start, end_);
  at_ = skip_comma(end, end_);
  return JsonValue(between(start, end));
}

JsonMembers::JsonMembers(const JsonValue& object) {
  if (object.kind() != JsonKind::kObject) return;
  end_ = object.raw().data() + object.raw().size() - 1;
  at_ = skip_space(object.raw().data() + 1, end_);
}

std::optional<JsonMember> JsonMembers::next() {
  if (at_ == end_) return std::nullopt;
  const char* const key = at_;
  const char* const key_end = string_end(key, end_);
  const char* const value = skip_space(skip_space(key_end, end_) + 1, end_);  // 1: the colon
  const char* const end = value_end(value, end_);
  at_ = skip_comma(end, end_);
  return JsonMember{JsonValue(between(key, key_end)), JsonValue(between(value, end))};
}

Status JsonObject::assign(const JsonValue& value) {
  clear();
  if (value.kind() != JsonKind::kObject) return error(Errc::kInvalid, "not a JSON object");
  JsonMembers walk(value);
  while (const std::optional<JsonMember> member = walk.next()) PH_TRY(add(*member));
  return {};
}

Status JsonObject::assign(std::span<const JsonMember> members) {
  clear();
  for (const JsonMember& member : members) PH_TRY(add(member));
  return {};
}

void JsonObject::clear() {
  members_.clear();
  unescaped_.clear();
}

Status JsonObject::add(const JsonMember& member) {
  if (members_.size() == kMembersMax) return error(Errc::kInvalid, "too many fields");
  std::string scratch;
  std::optional<ByteView> key = member.key.text(scratch);
  if (!key) return error(Errc::kInvalid, "a field name that is not text");
  if (key->data() == scratch.data()) key = unescaped_.emplace_back(std::move(scratch));
  if (find(*key) != nullptr) return error(Errc::kInvalid, "a field is given twice");
  members_.push_back({*key, member.value});
  return {};
}

const JsonValue* JsonObject::find(ByteView key) const {
  for (const Member& member : members_) {
    if (member.key == key) return &member.value;
  }
  return nullptr;
}

}  // namespace posthorn::wire

// Reading JSON without copying it: a strict check of the whole text, then views into it. A value
// knows its exact bytes, so a payload is kept as it was given. Fuzzed by json_fuzz.cc.
//
// What is accepted is RFC 8259 in UTF-8 and nothing else. Numbers of any size pass unchanged, and
// so do duplicate keys and lone surrogate escapes inside a payload; a JsonObject refuses duplicate
// keys, and text() refuses lone surrogates, so what the API itself reads is unambiguous.
#pragma once
#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace posthorn::wire {

struct JsonLimits {
  size_t depth = 64;  // nested objects and arrays; at most 1024
};

enum class JsonKind : uint8_t { kNull, kBoolean, kNumber, kString, kArray, kObject };

class JsonGrammar;

// A view of one value in checked text; valid while the text is. A wrong kind reads as nothing.
class JsonValue {
 public:
  JsonKind kind() const;
  // The exact bytes of the value, without the space around it.
  ByteView raw() const { return raw_; }
  bool is_null() const { return kind() == JsonKind::kNull; }
  std::optional<bool> boolean() const;
  // A number without fraction and exponent that fits 64 bits.
  std::optional<int64_t> integer() const;
  // The nearest double; nothing when it overflows.
  std::optional<double> number() const;
  // The unescaped text. Points into the value when nothing is escaped, into `scratch` otherwise.
  std::optional<ByteView> text(std::string& scratch) const;

 private:
  friend class JsonElements;
  friend class JsonMembers;
  friend class JsonGrammar;
  friend Result<JsonValue> check_json(JsonGrammar& grammar, ByteView text);
  explicit JsonValue(ByteView raw) : raw_(raw) {}
  ByteView raw_;
};

// Checks the whole of `text`; it must outlive the value. Errors: kInvalid with the byte at which it
// went wrong. Takes no memory; time grows with the size of the text only.
Result<JsonValue> parse_json(ByteView text, const JsonLimits& limits = {});

struct JsonMember {
  JsonValue key;  // a string
  JsonValue value;
};

// The same, and `members` gets what JsonMembers would walk of the outermost value, without a second
// look at the text; at most JsonObject::kMembersMax + 1 of them.
Result<JsonValue> parse_json(ByteView text, std::vector<JsonMember>& members,
                             const JsonLimits& limits = {});

// Walks the elements of an array; nothing for other kinds.
class JsonElements {
 public:
  explicit JsonElements(const JsonValue& array);
  std::optional<JsonValue> next();

 private:
  const char* at_ = nullptr;  // at an element or the closing bracket
  const char* end_ = nullptr;
};

// Walks the members of an object in their order, duplicates included; nothing for other kinds.
class JsonMembers {
 public:
  explicit JsonMembers(const JsonValue& object);
  std::optional<JsonMember> next();

 private:
  const char* at_ = nullptr;
  const char* end_ = nullptr;
};

// The members of one object by name, for what the API reads itself. Reusable; views stay valid
// while the text and this object are.
class JsonObject {
 public:
  static constexpr size_t kMembersMax = 64;
  struct Member {
    ByteView key;
    JsonValue value;
  };

  // kInvalid when `value` is not an object, names a key twice, has a key that is not text, or more
  // than kMembersMax members.
  Status assign(const JsonValue& value);
  // The same with the members of an object at hand.
  Status assign(std::span<const JsonMember> members);
  // Null when the key is absent; a null value is there.
  const JsonValue* find(ByteView key) const;
  const std::vector<Member>& members() const { return members_; }

 private:
  void clear();
  Status add(const JsonMember& member);
  std::vector<Member> members_;
  std::deque<std::string> unescaped_;  // keys that had escapes
};

}  // namespace posthorn::wire

// A state machine over values, keys and what follows a value; nesting is a bit per level.
#include "wire/json_grammar.h"

#include "base/check.h"
#include "wire/json_scan.h"

namespace posthorn::wire {
namespace {

bool is_space(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_hex(char c) { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }

}  // namespace

JsonGrammar::JsonGrammar(ByteView text, size_t depth_max)
    : begin_(text.data()), end_(begin_ + text.size()), at_(begin_), depth_max_(depth_max) {
  CHECK(depth_max <= kJsonDepthMax);
}

void JsonGrammar::note_members(std::vector<JsonMember>& members, size_t count_max) {
  members_ = &members;
  members_max_ = count_max;
}

// Behind a value of the outermost container.
void JsonGrammar::note_value_end() {
  if (members_ == nullptr || key_ == nullptr || members_->size() == members_max_) return;
  const auto view = [](const char* from, const char* to) {
    return JsonValue(ByteView(from, static_cast<size_t>(to - from)));
  };
  members_->push_back({view(key_, key_end_), view(member_value_, at_)});
}

JsonGrammar::Next JsonGrammar::fail(ByteView problem) {
  problem_ = problem;
  return Next::kFail;
}

inline void JsonGrammar::skip_space() {
  while (at_ < end_ && is_space(*at_)) ++at_;
}

bool JsonGrammar::check() {
  skip_space();
  const char* const start = at_;
  Next next = Next::kValue;
  do {
    if (next == Next::kValue) {
      next = value_start();
    } else {
      next = key();
    }
    while (next == Next::kAfterValue && depth_ > 0) next = after_value();
  } while (next == Next::kValue || next == Next::kKey);
  if (next == Next::kFail) return false;
  value_ = ByteView(start, static_cast<size_t>(at_ - start));
  skip_space();
  if (at_ == end_) return true;
  return fail("text behind the value") != Next::kFail;
}

JsonGrammar::Next JsonGrammar::value_start() {
  if (at_ == end_) return fail("a value is missing");
  switch (*at_) {
    case '"':
      return string() ? Next::kAfterValue : Next::kFail;
    case '{':
      return push(true);
    case '[':
      return push(false);
    case 't':
      return literal("true");
    case 'f':
      return literal("false");
    case 'n':
      return literal("null");
    default:
      return number();
  }
}

JsonGrammar::Next JsonGrammar::push(bool object) {
  if (depth_ == depth_max_) return fail("nested too deeply");
  ++depth_;
  const uint64_t bit = uint64_t{1} << (depth_ & 63);
  uint64_t& word = open_[depth_ >> 6];
  word = object ? word | bit : word & ~bit;
  ++at_;
  skip_space();
  if (at_ == end_ || *at_ != (object ? '}' : ']')) return object ? Next::kKey : Next::kValue;
  ++at_;
  --depth_;
  return Next::kAfterValue;
}

JsonGrammar::Next JsonGrammar::key() {
  if (at_ == end_ || *at_ != '"') return fail("a key is missing");
  const char* const start = at_;
  if (!string()) return Next::kFail;
  const char* const end = at_;
  skip_space();
  if (at_ == end_ || *at_ != ':') return fail("a colon is missing");
  ++at_;
  skip_space();
  if (depth_ == 1) {
    key_ = start;
    key_end_ = end;
    member_value_ = at_;
  }
  return Next::kValue;
}

JsonGrammar::Next JsonGrammar::after_value() {
  if (depth_ == 1) note_value_end();
  skip_space();
  if (at_ == end_) return fail("the text ends early");
  const bool object = in_object();
  if (*at_ == ',') {
    ++at_;
    skip_space();
    return object ? Next::kKey : Next::kValue;
  }
  if (*at_ != (object ? '}' : ']')) return fail("a comma or a closing bracket is missing");
  ++at_;
  --depth_;
  return Next::kAfterValue;
}

JsonGrammar::Next JsonGrammar::literal(ByteView word) {
  const ByteView rest(at_, static_cast<size_t>(end_ - at_));
  if (!rest.starts_with(word)) return fail("not a value");
  at_ += word.size();
  return Next::kAfterValue;
}

bool JsonGrammar::digits() {
  const char* const first = at_;
  while (at_ < end_ && is_digit(*at_)) ++at_;
  return at_ > first;
}

JsonGrammar::Next JsonGrammar::number() {
  if (*at_ != '-' && !is_digit(*at_)) return fail("not a value");
  if (*at_ == '-') ++at_;
  const bool zero = at_ < end_ && *at_ == '0';
  if (zero) ++at_;
  if (!zero && !digits()) return fail("bad number");
  if (at_ < end_ && *at_ == '.') {
    ++at_;
    if (!digits()) return fail("bad number");
  }
  if (at_ < end_ && (*at_ == 'e' || *at_ == 'E')) {
    ++at_;
    if (at_ < end_ && (*at_ == '+' || *at_ == '-')) ++at_;
    if (!digits()) return fail("bad number");
  }
  return Next::kAfterValue;
}

bool JsonGrammar::string() {
  ++at_;
  while (true) {
    at_ = find_string_special(at_, end_);
    if (at_ == end_) return fail("a string does not end") != Next::kFail;
    if (*at_ == '"') {
      ++at_;
      return true;
    }
    if (*at_ != '\\') return fail("a control byte in a string") != Next::kFail;
    if (!escape()) return fail("bad escape") != Next::kFail;
  }
}

bool JsonGrammar::escape() {
  if (end_ - at_ < 2) return false;
  switch (at_[1]) {
    case '"':
    case '\\':
    case '/':
    case 'b':
    case 'f':
    case 'n':
    case 'r':
    case 't':
      at_ += 2;
      return true;
    case 'u':
      if (end_ - at_ < 6) return false;
      for (int i = 2; i < 6; ++i) {
        if (!is_hex(at_[i])) return false;
      }
      at_ += 6;
      return true;
    default:
      return false;
  }
}

}  // namespace posthorn::wire

// The grammar of RFC 8259 over one buffer, without memory. Used by json.cc only.
#pragma once
#include <array>
#include <cstdint>

#include "wire/json.h"

namespace posthorn::wire {

constexpr size_t kJsonDepthMax = 1024;

// Checks a whole text. UTF-8 is checked by the caller.
class JsonGrammar {
 public:
  JsonGrammar(ByteView text, size_t depth_max);
  // What check() will note of the outermost value, when that is an object: its first `count_max`
  // members. Before check(); what a failure leaves means nothing.
  void note_members(std::vector<JsonMember>& members, size_t count_max);
  bool check();
  // After a failure: where, and what was wrong.
  size_t offset() const { return static_cast<size_t>(at_ - begin_); }
  ByteView problem() const { return problem_; }
  // After success: the exact bytes of the value.
  ByteView value() const { return value_; }

 private:
  enum class Next : uint8_t { kValue, kKey, kAfterValue, kFail };
  Next value_start();
  Next key();
  Next after_value();
  Next push(bool object);
  Next literal(ByteView word);
  Next number();
  bool digits();
  bool string();
  bool escape();
  void skip_space();
  Next fail(ByteView problem);
  void note_value_end();
  bool in_object() const { return (open_[depth_ >> 6] >> (depth_ & 63) & 1) != 0; }

  const char* const begin_;
  const char* const end_;
  const char* at_;
  const size_t depth_max_;
  size_t depth_ = 0;
  std::array<uint64_t, kJsonDepthMax / 64 + 1> open_;  // a bit per level: object or array
  ByteView problem_;
  ByteView value_;

  // The member of the outermost object that is being read, while members are noted.
  std::vector<JsonMember>* members_ = nullptr;
  size_t members_max_ = 0;
  const char* key_ = nullptr;
  const char* key_end_ = nullptr;
  const char* member_value_ = nullptr;
};

}  // namespace posthorn::wire

// pure: the bodies of record headers, behind the common prefix: the fixed fields of each type, then
// tagged ones {tag u16, length u32, bytes} that a reader may skip. Used by encoding.cc only.
#pragma once
#include <cstring>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/result.h"
#include "model/attempt.h"
#include "model/command.h"
#include "model/message.h"

namespace posthorn::model {

// Writes into room that was measured before; never beyond it is the caller's promise.
class FieldWriter {
 public:
  explicit FieldWriter(char* at) : at_(at) {}
  void u8(uint8_t v) { *at_++ = static_cast<char>(v); }
  void u16(uint16_t v) { integer(v); }
  void u32(uint32_t v) { integer(v); }
  void u64(uint64_t v) { integer(v); }
  void id(const IdBytes& v) { bytes(v.view()); }
  void bytes(ByteView v) {
    if (!v.empty()) std::memcpy(at_, v.data(), v.size());
    at_ += v.size();
  }
  void string32(ByteView v) {
    u32(static_cast<uint32_t>(v.size()));
    bytes(v);
  }
  char* at() const { return at_; }

 private:
  template <typename Int>
  void integer(Int v) {
    store_le(at_, v);
    at_ += sizeof(Int);
  }
  char* at_;
};

size_t message_body_bytes(const Message& message);
void write_message_body(const Message& message, FieldWriter& w);
Status read_message_body(ByteReader& in, Message& message);

size_t attempt_body_bytes(const Attempt& attempt);
void write_attempt_body(const Attempt& attempt, FieldWriter& w);
Status read_attempt_body(ByteReader& in, Attempt& attempt);

// kind (padded to 4), app, endpoint, through, message, attempt.
inline constexpr size_t kCommandBodyBytes = 4 + 2 * IdBytes::kSize + 3 * sizeof(uint64_t);
void write_command_body(const Command& command, FieldWriter& w);
Status read_command_body(ByteReader& in, Command& command);

}  // namespace posthorn::model

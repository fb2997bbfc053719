// HMAC-SHA256 with a prepared key, and the one comparison for secrets.
#pragma once
#include <array>
#include <cstdint>
#include <initializer_list>

#include "base/bytes.h"

namespace posthorn::wire {

// A key stretched to its block: 64 bytes a key, so that thousands of endpoints can keep theirs.
// Wiped when destroyed.
class HmacKey {
 public:
  explicit HmacKey(ByteView secret);
  HmacKey(const HmacKey&) = default;
  HmacKey& operator=(const HmacKey&) = default;
  ~HmacKey();

  // Of the parts as if they were one text. Any thread; no allocation after a thread's first call.
  std::array<uint8_t, 32> sign(std::initializer_list<ByteView> parts) const;

 private:
  std::array<uint8_t, 64> block_{};
};

// Compares in a time that depends on the sizes only. Every comparison of secrets goes through it.
bool equal_secrets(ByteView a, ByteView b);

}  // namespace posthorn::wire

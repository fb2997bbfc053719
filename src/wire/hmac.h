// HMAC-SHA256 with a prepared key, and the one comparison for secrets.
#pragma once
#include <array>
#include <cstdint>
#include <initializer_list>

#include "base/bytes.h"

namespace posthorn::wire {

// A key as the two states of the hash behind it: 64 bytes a key, so that thousands of endpoints can
// keep theirs. Wiped when destroyed.
class HmacKey {
 public:
  using State = std::array<uint32_t, 8>;

  explicit HmacKey(ByteView secret);
  HmacKey(const HmacKey&) = default;
  HmacKey& operator=(const HmacKey&) = default;
  ~HmacKey();

  // Of the parts as if they were one text. Any thread; no allocation.
  std::array<uint8_t, 32> sign(std::initializer_list<ByteView> parts) const;

 private:
  State inner_;
  State outer_;
};

// Compares in a time that depends on the sizes only. Every comparison of secrets goes through it.
bool equal_secrets(ByteView a, ByteView b);

}  // namespace posthorn::wire

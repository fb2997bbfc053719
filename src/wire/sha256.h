// SHA-256 of several parts in a row; one digest needs no copy of them.
#pragma once
#include <array>
#include <cstdint>
#include <initializer_list>

#include "base/bytes.h"

namespace posthorn::wire {

using Sha256 = std::array<uint8_t, 32>;

// Of the parts as if they were one text: callers that need to tell ("ab","c") from ("a","bc")
// put lengths between them.
Sha256 sha256(std::initializer_list<ByteView> parts);

}  // namespace posthorn::wire

// UTF-8: validation and repair. The only file that uses simdjson is utf8.cc.
#pragma once
#include <string>

#include "base/bytes.h"

namespace posthorn::wire {

bool is_utf8(ByteView text);

// Appends `text` with every byte that is not part of valid UTF-8 replaced by U+FFFD.
void append_repaired(std::string& out, ByteView text);

// Appends a code point below 0x110000 that is not a surrogate.
void append_code_point(std::string& out, uint32_t code_point);

// The longest prefix of at most `bytes_max` bytes that does not cut a code point in half.
ByteView utf8_prefix(ByteView text, size_t bytes_max);

}  // namespace posthorn::wire

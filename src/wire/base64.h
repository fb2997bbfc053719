// Base64 (RFC 4648), both alphabets. Decoding is strict: no spaces, padding exactly where it
// belongs, unused bits zero, so that one value has one text.
#pragma once
#include <optional>
#include <string>

#include "base/bytes.h"

namespace posthorn::wire {

// Standard alphabet with padding.
void append_base64(std::string& out, ByteView bytes);
std::optional<std::string> decode_base64(ByteView text);

// URL-safe alphabet without padding, as tokens use it.
void append_base64url(std::string& out, ByteView bytes);
std::optional<std::string> decode_base64url(ByteView text);

}  // namespace posthorn::wire

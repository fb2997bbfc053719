// Points in time as text: RFC 3339 for the REST interface, the HTTP date for header fields.
#pragma once
#include <optional>
#include <string>

#include "base/bytes.h"
#include "base/units.h"

namespace posthorn::wire {

// "2026-11-22T17:00:00.123456Z": always UTC, always six digits of fraction. Clamped to the years
// 1970 to 9999.
void append_rfc3339(std::string& out, WallTime time);
std::string rfc3339(WallTime time);

// A date, "T" (or "t", or a space), a time with optional fraction (cut to microseconds) and an
// offset ("Z", "+02:00"). Nothing for anything else, for times before 1970 or beyond 9999, and for
// days that do not exist.
std::optional<WallTime> parse_rfc3339(ByteView text);

// "Sun, 22 Nov 2026 17:00:00 GMT": always 29 bytes. Clamped in the same way.
void append_http_date(std::string& out, WallTime time);

// The same form, with "GMT" or an offset such as "+0100" (what RFC 2822 writes); the name of the
// day may be missing. Nothing for anything else and for days that do not exist.
std::optional<WallTime> parse_http_date(ByteView text);

}  // namespace posthorn::wire

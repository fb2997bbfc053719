// Times as text (RFC 3339), as the REST interface writes and reads them.
#pragma once
#include <optional>
#include <string>

#include "base/bytes.h"
#include "base/units.h"

namespace posthorn::wire {

// Appends e.g. 2026-01-31T09:15:00.250000Z; always UTC and six digits of fraction. `time` is
// clamped to the years 1970 to 9999.
void append_rfc3339(std::string& out, WallTime time);

// Reads a date and time with an offset ("Z", "+02:00"); fractions beyond microseconds are cut.
// Nothing for anything else, for years before 1970 and for days that do not exist.
std::optional<WallTime> parse_rfc3339(ByteView text);

}  // namespace posthorn::wire

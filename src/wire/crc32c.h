// CRC-32C (Castagnoli): the checksum of every record and block on disk. Uses the processor's
// instruction where there is one; the table form gives the same values.
#pragma once
#include <cstdint>

#include "base/bytes.h"

namespace posthorn::wire {

// `seed` chains pieces: crc32c(b, crc32c(a)) equals crc32c(a + b). The log seeds with a generation.
uint32_t crc32c(ByteView bytes, uint32_t seed = 0);

// The form without the instruction; public so that a test compares the two.
uint32_t crc32c_table(ByteView bytes, uint32_t seed = 0);

}  // namespace posthorn::wire

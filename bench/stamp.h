// pure: the mark that the generator puts into every payload and the sink reads back: run, counter
// and intended send time, at fixed offsets so that reading it costs nanoseconds.
//
//   payload = {"run":"8 hex","n":"16 hex","t":"16 hex","pad":"xxx…"}
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace posthorn::bench {

struct Stamp {
  uint32_t run = 0;
  uint64_t n = 0;            // counts the events of one run from 0
  uint64_t intended_ns = 0;  // CLOCK_MONOTONIC
};

inline constexpr size_t kPayloadBytesMin = 74;

// A payload of exactly `bytes` (>= kPayloadBytesMin) with n = t = 0.
std::string make_payload(size_t bytes, uint32_t run);

// Overwrites n and t of a payload made by make_payload.
void write_stamp(char* payload, uint64_t n, uint64_t intended_ns);

// False when `payload` is not of this form.
bool read_stamp(std::string_view payload, Stamp* out);

// Parses exactly eight hex digits.
bool parse_run(std::string_view hex, uint32_t* out);

}  // namespace posthorn::bench

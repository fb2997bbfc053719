// Distinct types for places in the log and for points in time. Never bare integers.
#pragma once
#include <chrono>
#include <compare>
#include <cstdint>

namespace posthorn {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::seconds;

// A place in the order of acceptance: grows strictly, the first record is 1, 0 means none.
struct Seq {
  uint64_t value = 0;
  auto operator<=>(const Seq&) const = default;
  Seq next() const { return Seq{value + 1}; }
};

// Wall-clock time in microseconds since 1970 (UTC). Only for timestamps, due times and schedules
// shown to people; 0 means none.
struct WallTime {
  int64_t us = 0;
  auto operator<=>(const WallTime&) const = default;
  WallTime operator+(microseconds d) const { return WallTime{us + d.count()}; }
  WallTime operator-(microseconds d) const { return WallTime{us - d.count()}; }
  microseconds operator-(WallTime other) const { return microseconds{us - other.us}; }
};

// Monotonic time in nanoseconds; comparable only within one process.
struct MonoTime {
  int64_t ns = 0;
  auto operator<=>(const MonoTime&) const = default;
  MonoTime operator+(nanoseconds d) const { return MonoTime{ns + d.count()}; }
  MonoTime operator-(nanoseconds d) const { return MonoTime{ns - d.count()}; }
  nanoseconds operator-(MonoTime other) const { return nanoseconds{ns - other.ns}; }
};

}  // namespace posthorn

// A place in the log, as everything outside an engine names it.
#pragma once
#include <compare>
#include <cstdint>

#include "base/ids.h"
#include "base/units.h"

namespace posthorn::model {

// A fixed hash bucket of applications: what one node owns when Posthorn runs on several machines.
struct PartitionId {
  uint16_t value = 0;
  auto operator<=>(const PartitionId&) const = default;
};

inline constexpr uint16_t kPartitions = 256;

inline PartitionId partition_of(const AppId& app) {
  return PartitionId{static_cast<uint16_t>(app.bytes.tail() % kPartitions)};
}

struct Position {
  PartitionId partition;
  Seq seq;
  auto operator<=>(const Position&) const = default;
};

}  // namespace posthorn::model

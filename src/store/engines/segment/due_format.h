// pure: due entries as they lie in runs, and the buckets of due time that runs belong to. Grammar:
// docs/formats/due.md.
#pragma once
#include <string>

#include "store/due_index.h"
#include "store/engines/segment/sorted_file.h"

namespace posthorn::store::segment {

// due, seq (big-endian), endpoint → app, attempts, trigger.
inline constexpr TableShape kDueShape{.table = 1, .key_bytes = 36, .value_bytes = 23, .filter = {}};

std::string due_key(WallTime due, Seq seq, const EndpointId& endpoint);
inline std::string due_key(const DueEntry& entry) {
  return due_key(entry.due, entry.seq, entry.endpoint);
}
std::string encode_due(const DueEntry& entry);
DueEntry decode_due(ByteView entry);

// Entries due in [start, start + width).
struct DueBucket {
  int64_t start_us = 0;
  int64_t width_us = 0;
  auto operator<=>(const DueBucket&) const = default;
  WallTime end() const { return WallTime{start_us + width_us}; }
  bool holds(WallTime due) const { return start_us <= due.us && due < end(); }
};

// The bucket of an entry that is written at `now`: two minutes wide when it is due soon, up to a
// day when it is far, so that few files are open at a time however far retries reach.
DueBucket due_bucket(WallTime due, WallTime now);

}  // namespace posthorn::store::segment

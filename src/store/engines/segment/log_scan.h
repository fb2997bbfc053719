// Reads the groups of one segment file in order and says what it finds: sound groups, a damaged
// stretch with sound groups behind it, a torn end. Called by recovery and to rebuild an index.
#pragma once
#include <functional>
#include <optional>

#include "io/disk.h"
#include "model/encoding.h"
#include "store/engines/segment/log_format.h"

namespace posthorn::store::segment {

// What is known of a segment from elsewhere.
struct ScanBounds {
  uint64_t generation = 0;
  uint64_t after_group = 0;  // no group of this segment has this number or a lower one
  // Groups up to this number were synced, in this segment or before it (from a checkpoint or from
  // the segment that follows): what is missing of them is damaged, not torn. 0: nothing is known.
  uint64_t durable_group = 0;
};

// A record that was read, in order. `offset` is in the segment; the view lives during the call. A
// record of a damaged group has a sound header, but its payload may be damaged.
using OnRecord = std::function<Status(uint32_t offset, const model::RecordView& record)>;

struct ScanResult {
  uint64_t end = kSegmentHeaderBytes;  // where the next group goes
  uint64_t last_group = 0;             // the newest sound group; 0: none
  uint64_t durable_group = 0;          // known from the groups themselves
  uint32_t groups = 0;
  uint32_t damaged_stretches = 0;  // synced once, not sound now: quarantined
  // Of those: some record is missing, not only its payload. An erasure that was cut off has damaged
  // a payload.
  uint32_t incomplete_stretches = 0;
  uint32_t records_salvaged = 0;  // out of damaged stretches
  uint64_t torn_bytes = 0;        // of a torn group at the end, 0: none
};

// Errors are those of the disk and of `on_record`; damage is in the result.
Result<ScanResult> scan_segment(io::File& file, const ScanBounds& bounds,
                                const OnRecord& on_record);

}  // namespace posthorn::store::segment

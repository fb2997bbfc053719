// Reads one segment again from the log: its index, and its records one by one. What recovery and
// repairs make derived files from; not for the segment's payloads.
#pragma once
#include <functional>
#include <memory>

#include "store/engines/segment/log_scan.h"
#include "store/engines/segment/open_index.h"
#include "store/engines/segment/segment_files.h"

namespace posthorn::store::segment {

// Called in log order; any may be empty. Messages have their targets, but no payload.
struct ReplayVisitor {
  std::function<void(const model::Message&)> message;
  std::function<void(const model::Attempt&)> attempt;
  std::function<void(const model::Command&)> command;
};

struct ReplayedSegment {
  std::shared_ptr<OpenIndex> index;
  ScanResult scan;
};

// Records behind `through` are left out. kNotFound when the file holds no segment of this number;
// records that cannot be decoded are logged and left out. Reads the disk.
Result<ReplayedSegment> replay_segment(SegmentFiles& files, SegmentNumber number, Seq through,
                                       const ReplayVisitor& visit);

}  // namespace posthorn::store::segment

// The target sets of one segment while it is read again from the log, in the order of their
// numbers. Where the first record of a set is damaged its second one, at the end of the same group,
// takes its place: it is looked for ahead of the reader.
#pragma once
#include <functional>
#include <map>
#include <vector>

#include "model/targets.h"
#include "store/engines/segment/log_scan.h"

namespace posthorn::store::segment {

class SegmentSets {
 public:
  // Told of each set once, in order.
  using OnSet = std::function<void(uint32_t set, const model::Targets& targets)>;
  // The file and the bounds of the scan under way; they must outlive this.
  SegmentSets(io::File& file, const ScanBounds& bounds, OnSet on_set)
      : file_(file), bounds_(bounds), on_set_(std::move(on_set)) {}

  // A record of a set; one that is known already is passed over.
  Status take(const model::RecordView& record);
  // The set that a message names. One of which both records are damaged is empty: the message is
  // kept, its targets are lost, which is logged. kCorrupt for a number out of range.
  Result<model::Targets> of(uint32_t set);

  const std::vector<model::Targets>& all() const { return sets_; }

 private:
  void add(model::Targets targets);
  Status fill(uint32_t count);
  Status look_ahead();

  io::File& file_;
  const ScanBounds& bounds_;
  const OnSet on_set_;
  std::vector<model::Targets> sets_;
  bool looked_ahead_ = false;
  std::map<uint32_t, model::Targets> ahead_;
};

}  // namespace posthorn::store::segment

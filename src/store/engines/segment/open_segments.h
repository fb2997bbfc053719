// A bounded number of opened index files, the least recently used dropped first. Private to the
// index tiers.
#pragma once
#include <list>
#include <memory>
#include <unordered_map>

#include "io/guarded.h"
#include "store/engines/segment/segment_index.h"

namespace posthorn::store::segment {

// Thread-safe. What it hands out lives as long as it is held.
class OpenSegments {
 public:
  explicit OpenSegments(size_t segments_max) : segments_max_(segments_max) {}

  // Null when it is not there.
  std::shared_ptr<SegmentIndex> find(SegmentNumber segment);
  void add(const std::shared_ptr<SegmentIndex>& index);
  void forget(SegmentNumber segment);

 private:
  struct State {
    std::list<std::shared_ptr<SegmentIndex>> by_use;  // the latest first
    std::unordered_map<uint64_t, std::list<std::shared_ptr<SegmentIndex>>::iterator> by_number;
  };
  const size_t segments_max_;
  io::Guarded<State> state_;
};

}  // namespace posthorn::store::segment

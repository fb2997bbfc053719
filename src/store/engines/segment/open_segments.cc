// The cache of opened index files.
#include "store/engines/segment/open_segments.h"

namespace posthorn::store::segment {

std::shared_ptr<SegmentIndex> OpenSegments::find(SegmentNumber segment) {
  return state_.with([&](State& state) -> std::shared_ptr<SegmentIndex> {
    const auto found = state.by_number.find(segment.value);
    if (found == state.by_number.end()) return nullptr;
    state.by_use.splice(state.by_use.begin(), state.by_use, found->second);
    return *found->second;
  });
}

void OpenSegments::add(const std::shared_ptr<SegmentIndex>& index) {
  const uint64_t number = index->span().segment.value;
  state_.with([&](State& state) {
    if (state.by_number.contains(number)) return;  // another thread was faster
    state.by_use.push_front(index);
    state.by_number[number] = state.by_use.begin();
    if (state.by_use.size() <= segments_max_) return;
    state.by_number.erase(state.by_use.back()->span().segment.value);
    state.by_use.pop_back();
  });
}

void OpenSegments::forget(SegmentNumber segment) {
  state_.with([&](State& state) {
    const auto found = state.by_number.find(segment.value);
    if (found == state.by_number.end()) return;
    state.by_use.erase(found->second);
    state.by_number.erase(found);
  });
}

}  // namespace posthorn::store::segment

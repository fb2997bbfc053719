// Zeroing and reusing the files of former segments.
#include "store/engines/segment/spare_segments.h"

#include <algorithm>

namespace posthorn::store::segment {
namespace {
constexpr uint64_t kScrubBytes = 16u << 20;  // of one step: some 30 ms of a disk
}  // namespace

Status SpareSegments::load() {
  PH_ASSIGN(const std::vector<SegmentNumber> found, files_.spares());
  spares_.clear();
  for (const SegmentNumber number : found) spares_.push_back({number});
  return {};
}

Status SpareSegments::add(SegmentNumber taken_out) {
  PH_TRY(files_.take_out(taken_out));
  spares_.push_back({taken_out});
  return {};
}

Status SpareSegments::scrub(Spare& spare) {
  PH_ASSIGN(spare.zeroed, files_.scrub(spare.was, spare.zeroed, kScrubBytes));
  return {};
}

Result<bool> SpareSegments::scrub_step() {
  for (Spare& spare : spares_) {
    if (spare.zeroed >= files_.segment_bytes()) continue;
    PH_TRY(scrub(spare));
    return true;
  }
  return false;
}

Result<bool> SpareSegments::use_for(SegmentNumber number) {
  if (spares_.empty()) return false;
  const auto best =
      std::max_element(spares_.begin(), spares_.end(),
                       [](const Spare& a, const Spare& b) { return a.zeroed < b.zeroed; });
  while (best->zeroed < files_.segment_bytes()) PH_TRY(scrub(*best));
  PH_TRY(files_.reuse(best->was, number));
  spares_.erase(best);
  return true;
}

Status SpareSegments::trim(size_t kept) {
  while (spares_.size() > kept) {
    PH_TRY(files_.remove_spare(spares_.back().was));
    spares_.pop_back();
  }
  return {};
}

}  // namespace posthorn::store::segment

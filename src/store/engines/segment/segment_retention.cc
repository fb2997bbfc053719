// Choosing the segment that goes next.
#include "store/engines/segment/segment_retention.h"

namespace posthorn::store::segment {
namespace {

constexpr nanoseconds kBlockedFor = seconds{30};
// Of the history, at least: each segment takes the space of a whole one, however little it holds.
constexpr int kSegmentsMin = 8;
constexpr size_t kBlockedMax = 64 * 1024;  // more segments than any disk has; then all are asked

}  // namespace

bool SegmentRetention::is_pressed(uint64_t files) {
  if (parts_.space.low()) return true;
  uint64_t bytes_max = parts_.options.limits.history_bytes_max;
  if (bytes_max == 0) bytes_max = parts_.space.total_bytes() / 2;
  // A file system that could not be asked is no reason to remove anything.
  return bytes_max != 0 && files * parts_.options.limits.segment_bytes > bytes_max;
}

bool SegmentRetention::is_to_end(const SegmentSpan& open) const {
  const WallTime horizon = time_.now() - parts_.options.limits.history / kSegmentsMin;
  // A disk that is nearly full has its reserve for attempts.
  return !open.first_id.empty() && open.first_id.time() < horizon && !parts_.space.low();
}

Result<SegmentRetention::Standing> SegmentRetention::standing_of(SegmentNumber segment) {
  const uint32_t pending = parts_.ledger.up_to_date([&](Outcomes& outcomes, DueRuns&) {
    return outcomes.totals(segment)[static_cast<size_t>(model::DeliveryState::kPending)];
  });
  if (pending == 0) return Standing::kSettled;
  const MonoTime now = parts_.host.clock().now();
  const auto known = blocked_.find(segment);
  if (known != blocked_.end() && known->second.pending == pending && now < known->second.until) {
    return Standing::kBlocked;
  }
  PH_ASSIGN(const PendingPage page, parts_.pending.page({.segment = segment, .limit = 1}));
  if (page.found.empty()) return page.done ? Standing::kSettled : Standing::kUnknownYet;
  if (blocked_.size() < kBlockedMax) blocked_[segment] = {pending, now + kBlockedFor};
  return Standing::kBlocked;
}

Result<SegmentRetention::Choice> SegmentRetention::next(SegmentNumber open, uint64_t files) {
  const WallTime horizon = time_.now() - parts_.options.limits.history;
  const bool pressed = is_pressed(files);
  for (const SegmentSpan& span : parts_.tiers.segments()) {
    if (span.segment >= open) break;
    const bool is_over = span.last_id.empty() || span.last_id.time() < horizon;
    if (!is_over && !pressed) break;
    PH_ASSIGN(const Standing standing, standing_of(span.segment));
    if (standing == Standing::kUnknownYet) return Choice{{}, true};
    if (standing == Standing::kBlocked) continue;
    blocked_.erase(span.segment);
    return Choice{span.segment, true};
  }
  return Choice{};
}

}  // namespace posthorn::store::segment

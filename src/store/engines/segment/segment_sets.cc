// Sets by number, from their first record or their second.
#include "store/engines/segment/segment_sets.h"

#include <fmt/format.h>

#include "base/log.h"

namespace posthorn::store::segment {
namespace {

// More lost sets than that are not believed.
constexpr uint32_t kSetsLostMax = 1u << 16;

Result<model::Targets> decode(const model::RecordView& record) {
  PH_ASSIGN(model::TargetSet set, model::decode_target_set(record));
  return std::make_shared<const model::TargetSet>(std::move(set));
}

}  // namespace

void SegmentSets::add(model::Targets targets) {
  sets_.push_back(std::move(targets));
  on_set_(static_cast<uint32_t>(sets_.size() - 1), sets_.back());
}

Status SegmentSets::take(const model::RecordView& record) {
  if (record.set_id < sets_.size()) return {};
  PH_ASSIGN(model::Targets set, decode(record));
  PH_TRY(fill(record.set_id));
  add(std::move(set));
  return {};
}

Result<model::Targets> SegmentSets::of(uint32_t set) {
  if (set >= sets_.size()) PH_TRY(fill(set + 1));
  return sets_[set];
}

// Makes the first `count` sets known.
Status SegmentSets::fill(uint32_t count) {
  if (count <= sets_.size()) return {};
  if (count - sets_.size() > kSetsLostMax) {
    return error(Errc::kCorrupt, fmt::format("target set {} is out of range", count));
  }
  PH_TRY(look_ahead());
  while (sets_.size() < count) {
    const auto number = static_cast<uint32_t>(sets_.size());
    const auto found = ahead_.find(number);
    if (found != ahead_.end()) {
      add(found->second);
      continue;
    }
    log(LogLevel::kError, "store",
        "target set {} is lost, both of its records are damaged: messages that name it have no "
        "deliveries",
        number);
    add(std::make_shared<const model::TargetSet>(std::vector<EndpointId>{}));
  }
  return {};
}

Status SegmentSets::look_ahead() {
  if (std::exchange(looked_ahead_, true)) return {};
  const auto scanned = scan_segment(file_, bounds_, [&](uint32_t, const model::RecordView& record) {
    if (record.type != model::RecordType::kTargetSet || record.set_id < sets_.size()) {
      return Status();
    }
    if (auto set = decode(record); set.ok()) ahead_.try_emplace(record.set_id, *std::move(set));
    return Status();
  });
  return scanned.ok() ? Status() : Status(scanned.error());
}

}  // namespace posthorn::store::segment

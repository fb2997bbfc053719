// pure: what each record does to a lane.
#include "store/lane_fold.h"

#include <algorithm>

namespace posthorn::store {
namespace {

// More than that many changes between cancelling and expiring are folded into the oldest.
constexpr size_t kClosingsMax = 16;

void target(LaneRecord& lane, const model::Message& message) {
  ++lane.targeted;
  if (message.deliver_at.us != 0) return;  // waits in the due index, outside the lane's order
  if (lane.last_targeted.value == 0 && lane.floor.value == 0) lane.floor = message.seq;
  lane.last_targeted = message.seq;
}

// A first try of a message in the lane's order.
void try_first(LaneRecord& lane, Seq seq) {
  if (seq < lane.floor) return;
  const auto at = std::lower_bound(lane.tried_above.begin(), lane.tried_above.end(), seq);
  if (at == lane.tried_above.end() || *at != seq) lane.tried_above.insert(at, seq);
}

void raise_floor(LaneRecord& lane, Seq floor) {
  lane.floor = std::max(lane.floor, floor);
  auto keep = lane.tried_above.begin();
  while (keep != lane.tried_above.end() && *keep <= lane.floor) {
    if (*keep == lane.floor) lane.floor = lane.floor.next();
    ++keep;
  }
  lane.tried_above.erase(lane.tried_above.begin(), keep);
}

void close(LaneRecord& lane, const LaneClosing& closing) {
  Seq& through = closing.expired ? lane.expired_through : lane.cancelled_through;
  through = std::max(through, closing.through);
  // Everything there was: then nothing is pending. Otherwise the number is not known here.
  if (closing.through >= lane.last_targeted) lane.settled = lane.targeted;
  auto& closings = lane.closings;
  if (!closings.empty() && closings.back().through >= closing.through) {
    closings.back().at = closing.at;
    return;
  }
  if (!closings.empty() && closings.back().expired == closing.expired) {
    closings.back() = closing;
    return;
  }
  if (closings.size() == kClosingsMax) closings.erase(closings.begin());
  closings.push_back(closing);
}

// Flags of a lane in a checkpoint.
constexpr uint8_t kDeleted = 1;
constexpr uint8_t kManual = 2;

void encode_lane(const LaneRecord& lane, ByteWriter& w) {
  w.bytes(lane.endpoint.bytes.view());
  w.bytes(lane.app.bytes.view());
  w.u64(lane.floor.value);
  w.u64(lane.last_targeted.value);
  w.u64(lane.cancelled_through.value);
  w.u64(lane.expired_through.value);
  w.u64(lane.targeted);
  w.u64(lane.settled);
  w.u64(static_cast<uint64_t>(lane.last_attempt_at.us));
  w.u32(lane.failures_in_row);
  w.u8(static_cast<uint8_t>((lane.deleted ? kDeleted : 0) | (lane.manual_tries ? kManual : 0)));
  w.u8(static_cast<uint8_t>(lane.closings.size()));
  w.u32(static_cast<uint32_t>(lane.tried_above.size()));
  for (const LaneClosing& closing : lane.closings) {
    w.u64(closing.through.value);
    w.u64(closing.at.value);
    w.u8(closing.expired ? 1 : 0);
  }
  for (const Seq seq : lane.tried_above) w.u64(seq.value);
}

LaneRecord decode_lane(ByteReader& in) {
  LaneRecord lane;
  const ByteView endpoint = in.bytes(IdBytes::kSize);
  const ByteView app = in.bytes(IdBytes::kSize);
  if (in.failed()) return lane;
  lane.endpoint = EndpointId::from_raw(endpoint);
  lane.app = AppId::from_raw(app);
  lane.floor = Seq{in.u64()};
  lane.last_targeted = Seq{in.u64()};
  lane.cancelled_through = Seq{in.u64()};
  lane.expired_through = Seq{in.u64()};
  lane.targeted = in.u64();
  lane.settled = in.u64();
  lane.last_attempt_at.us = static_cast<int64_t>(in.u64());
  lane.failures_in_row = in.u32();
  const uint8_t flags = in.u8();
  lane.deleted = (flags & kDeleted) != 0;
  lane.manual_tries = (flags & kManual) != 0;
  const uint8_t closings = in.u8();
  const uint32_t tried = in.u32();
  for (uint8_t i = 0; i < closings; ++i) {
    LaneClosing closing;
    closing.through = Seq{in.u64()};
    closing.at = Seq{in.u64()};
    closing.expired = in.u8() != 0;
    lane.closings.push_back(closing);
  }
  for (uint32_t i = 0; i < tried && !in.failed(); ++i) lane.tried_above.push_back(Seq{in.u64()});
  return lane;
}

}  // namespace

LaneRecord& LaneFold::lane(const EndpointId& endpoint, const AppId& app) {
  const auto [at, added] = slots_.try_emplace(endpoint, static_cast<uint32_t>(lanes_.size()));
  if (added) {
    LaneRecord& made = lanes_.emplace_back();
    made.endpoint = endpoint;
    made.app = app;
  }
  return lanes_[at->second];
}

LaneFold::Slots LaneFold::slots_of(const model::TargetSet& targets, const AppId& app) {
  Slots slots;
  slots.reserve(targets.size());
  for (const EndpointId& endpoint : targets.endpoints()) {
    slots.push_back(static_cast<uint32_t>(&lane(endpoint, app) - lanes_.data()));
  }
  return slots;
}

void LaneFold::apply(const model::Message& message) {
  if (!message.targets) return;
  for (const EndpointId& endpoint : message.targets->endpoints()) {
    target(lane(endpoint, message.app), message);
  }
}

void LaneFold::apply(const model::Message& message, std::span<const uint32_t> slots) {
  for (const uint32_t slot : slots) target(lanes_[slot], message);
}

void LaneFold::apply(const model::Attempt& attempt) {
  LaneRecord& to = lane(attempt.endpoint, attempt.app);
  to.last_attempt_at = std::max(to.last_attempt_at, attempt.recorded_at);
  to.failures_in_row = attempt.outcome.delivered() ? 0 : to.failures_in_row + 1;
  const bool scheduled = attempt.trigger == model::Trigger::kScheduled;
  to.manual_tries |= !scheduled;
  if (scheduled && attempt.state_after != model::DeliveryState::kPending) {
    to.settled = std::min(to.settled + 1, to.targeted);
  }
  if (attempt.number == 1 && attempt.scheduled_due.us == 0) try_first(to, attempt.message_seq);
  raise_floor(to, attempt.lane_floor);
}

void LaneFold::apply(const model::Command& command) {
  switch (command.kind) {
    case model::CommandKind::kCancelLane:
    case model::CommandKind::kDeleteLane:
    case model::CommandKind::kExpireLane: {
      LaneRecord& to = lane(command.endpoint, command.app);
      const bool expired = command.kind == model::CommandKind::kExpireLane;
      close(to, {.through = command.through, .at = command.seq, .expired = expired});
      if (command.kind == model::CommandKind::kDeleteLane) to.deleted = true;
      return;
    }
    case model::CommandKind::kResend:
    case model::CommandKind::kExpungePayload:
    case model::CommandKind::kExpungeResponse:
      return;
  }
}

const LaneRecord* LaneFold::find(const EndpointId& endpoint) const {
  const auto at = slots_.find(endpoint);
  return at == slots_.end() ? nullptr : &lanes_[at->second];
}

void LaneFold::encode(std::string& out) const {
  ByteWriter w(out);
  w.u32(static_cast<uint32_t>(lanes_.size()));
  for (const LaneRecord& lane : lanes_) encode_lane(lane, w);
}

Status LaneFold::decode(ByteReader& in) {
  lanes_.clear();
  slots_.clear();
  const uint32_t count = in.u32();
  for (uint32_t i = 0; i < count && !in.failed(); ++i) {
    LaneRecord lane = decode_lane(in);
    if (in.failed() || !slots_.try_emplace(lane.endpoint, i).second) break;
    lanes_.push_back(std::move(lane));
  }
  if (in.failed() || lanes_.size() != count) {
    lanes_.clear();
    slots_.clear();
    return error(Errc::kCorrupt, "the lanes of a checkpoint are malformed");
  }
  return {};
}

}  // namespace posthorn::store

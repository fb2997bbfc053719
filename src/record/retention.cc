// Commands for what is over.
#include "record/retention.h"

namespace posthorn::record {

Result<std::vector<model::Command>> Retention::over(store::RetentionIndex& index, WallTime now) {
  std::vector<model::Command> commands;
  PH_TRY(add_expired(index, now, commands));
  PH_TRY(add_payloads(index, now, commands));
  return commands;
}

Status Retention::add_expired(store::RetentionIndex& index, WallTime now,
                              std::vector<model::Command>& to) {
  PH_ASSIGN(const Seq held_too_long, index.last_before(now - limits_.hold_limit));
  if (held_too_long.value == 0) return {};
  PH_ASSIGN(const auto lanes, index.lanes_pending(held_too_long, limits_.commands_max));
  for (const store::PendingLane& lane : lanes) {
    model::Command expire;
    expire.kind = model::CommandKind::kExpireLane;
    expire.app = lane.app;
    expire.endpoint = lane.endpoint;
    expire.through = held_too_long;
    to.push_back(expire);
  }
  return {};
}

Status Retention::add_payloads(store::RetentionIndex& index, WallTime now,
                               std::vector<model::Command>& to) {
  PH_ASSIGN(const store::OverduePage page,
            index.payloads_over({looked_at_, now, limits_.commands_max}));
  looked_at_ = page.at_end ? store::DueEntry{} : page.last;
  for (const store::OverduePayload& payload : page.payloads) {
    model::Command expunge;
    expunge.kind = model::CommandKind::kExpungePayload;
    expunge.app = payload.app;
    expunge.message_seq = payload.message;
    to.push_back(expunge);
  }
  return {};
}

}  // namespace posthorn::record

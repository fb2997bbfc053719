// Records that change deliveries or erase content: one log record each, durable before the answer.
#pragma once
#include <cstdint>

#include "base/ids.h"
#include "base/units.h"

namespace posthorn::model {

enum class CommandKind : uint8_t {
  kCancelLane = 1,   // every unsettled delivery of `endpoint` up to `through` is cancelled
  kDeleteLane,       // the same, and the endpoint is gone
  kResend,           // one more try of (message_seq, endpoint), manual
  kExpungePayload,   // zero the payload of message_seq
  kExpungeResponse,  // zero the response of the attempt at attempt_seq (of message_seq)
  kExpireLane,       // deliveries of `endpoint` up to `through` ended dead: expired
};

struct Command {
  CommandKind kind = CommandKind::kCancelLane;
  Seq seq;  // of this record; made by the committer
  WallTime recorded_at;
  AppId app;
  EndpointId endpoint;
  Seq through;
  Seq message_seq;
  Seq attempt_seq;
};

// The message or attempt whose bytes the command erases; 0: it erases none.
inline Seq erased_record(const Command& command) {
  if (command.kind == CommandKind::kExpungePayload) return command.message_seq;
  if (command.kind == CommandKind::kExpungeResponse) return command.attempt_seq;
  return {};
}

}  // namespace posthorn::model

// One try at one delivery, with its outcome; immutable once recorded.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/units.h"
#include "model/delivery.h"
#include "model/message.h"

namespace posthorn::model {

enum class Trigger : uint8_t { kScheduled = 0, kManual = 1 };

// How the exchange ended. A failing endpoint is a value, not an error.
enum class OutcomeKind : uint8_t {
  kDelivered = 1,  // a complete 2xx head
  kHttpError,      // a complete answer with another status
  kBlocked,        // the address guard refused the target
  kDnsFailed,
  kConnectFailed,
  kTlsFailed,
  kTimedOut,
  kDisconnected,   // closed or reset before the head was complete
  kProtocolError,  // an answer that is not HTTP
  kCancelled,      // cancelled by a transformation or by shutdown policy
};

struct Timings {
  uint32_t dns_us = 0;
  uint32_t connect_us = 0;
  uint32_t tls_us = 0;
  uint32_t first_byte_us = 0;
  uint32_t total_us = 0;
};

struct Outcome {
  OutcomeKind kind = OutcomeKind::kConnectFailed;
  int16_t status = 0;  // HTTP status; 0 when there was no answer
  bool response_truncated = false;
  uint32_t retry_after_s = 0;  // what the receiver asked for; 0: nothing. Not recorded
  Timings timings;
  std::string response;  // body excerpt, or a sentence that says what failed
  std::vector<Header> response_headers;
  bool delivered() const { return kind == OutcomeKind::kDelivered; }
};

struct Attempt {
  AttemptId id;  // made by the committer, as is seq (of this record)
  Seq seq;
  WallTime recorded_at;
  AppId app;
  EndpointId endpoint;
  MessageId message;
  Seq message_seq;
  uint16_t number = 1;  // 1 is the first try of the delivery
  Trigger trigger = Trigger::kScheduled;
  WallTime started_at;
  WallTime scheduled_due;  // the recorded due time that this try answers to; 0 for first tries
  uint64_t config_version = 0;
  std::string url;
  Outcome outcome;
  DeliveryState state_after = DeliveryState::kPending;
  DeadCause cause = DeadCause::kNone;
  WallTime next_due;  // set when state_after is pending and another try is scheduled
  // Every message of this endpoint's lane below it has had its first try recorded in the log in
  // front of this record: what makes recovery O(window) per lane.
  Seq lane_floor;
};

}  // namespace posthorn::model

// An accepted event: what record v1 of the log carries.
#pragma once
#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/units.h"
#include "model/targets.h"

namespace posthorn::model {

// 128 bits of a hash over (organization, key, method, path, query) or over (app, event id); wide
// enough that equal means the same.
struct DedupeKey {
  std::array<uint8_t, 16> bytes{};
  auto operator<=>(const DedupeKey&) const = default;
  bool empty() const { return bytes == std::array<uint8_t, 16>{}; }
};

struct Header {
  std::string name;
  std::string value;
  bool operator==(const Header&) const = default;
};

// Where a broker message came from; (source, position) is unique, so redelivery is recognised.
struct SourcePosition {
  std::string source;
  std::string position;
  bool operator==(const SourcePosition&) const = default;
};

struct Message {
  MessageId id;  // made by the committer, as are seq and accepted_at
  Seq seq;
  WallTime accepted_at;
  AppId app;
  uint64_t config_version = 0;  // of the snapshot it was matched against
  std::string event_type;
  std::vector<std::string> channels;
  std::vector<std::string> tags;
  std::string event_id;                 // empty: none
  DedupeKey event_id_key;               // of (app, event id); empty: none
  std::string idempotency_key;          // as the client sent it; empty: none
  DedupeKey idempotency;                // its full identity; empty: none
  std::array<uint8_t, 16> body_hash{};  // of the request body that carried the idempotency key
  std::string content_type = "application/json";
  std::vector<Header> headers;  // per message, sent with each delivery
  std::string ordering_key;
  WallTime deliver_at;                   // 0: at once
  uint32_t payload_retention_hours = 0;  // 0: as long as the history
  std::optional<SourcePosition> source;
  Targets targets;                       // never null once matched
  std::vector<uint64_t> fifo_sequences;  // one per target, 0 for regular ones; empty: none is FIFO
  std::string payload;                   // byte for byte as given
  bool payload_expunged = false;         // set by reads when the bytes are gone
};

}  // namespace posthorn::model

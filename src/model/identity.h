// The 128-bit names under which repeats are recognised. Equal parts give equal keys, and
// nothing else does: every part is hashed with its length.
#pragma once
#include <array>
#include <cstdint>
#include <string_view>

#include "base/ids.h"
#include "model/message.h"

namespace posthorn::model {

// What makes two requests the same request.
struct RequestIdentity {
  OrganizationId organization;
  std::string_view key;  // as the client sent it
  std::string_view method;
  std::string_view path;
  std::string_view query;
};

// `item` tells the messages of one batch apart; 0 for a single one.
DedupeKey idempotency_of(const RequestIdentity& request, uint32_t item);

DedupeKey event_id_key_of(const AppId& app, std::string_view event_id);

// Of a request body, to notice a key that is used again for something else.
std::array<uint8_t, 16> body_hash_of(std::string_view body);

}  // namespace posthorn::model

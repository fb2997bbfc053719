// The configuration nouns: organization, application, endpoint, as plain values.
#pragma once
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/units.h"
#include "model/message.h"

namespace posthorn::model {

using Metadata = std::map<std::string, std::string>;

struct Organization {
  OrganizationId id;
  std::string name;
  WallTime created_at;
  WallTime updated_at;
};

struct Application {
  AppId id;
  OrganizationId organization;
  std::string uid;  // empty: none
  std::string name;
  std::optional<uint16_t> throttle_rate;  // messages a second
  Metadata metadata;
  WallTime created_at;
  WallTime updated_at;
};

// A signing secret in clear, in memory only; at rest it is encrypted.
struct EndpointSecret {
  std::string key;      // whsec_… or whsk_…
  WallTime expires_at;  // 0: the current one; else a rotated one that signs until then
};

struct Endpoint {
  EndpointId id;
  AppId app;
  std::string uid;
  std::string url;
  std::string description;
  std::optional<uint16_t> throttle_rate;
  uint32_t version = 1;
  bool disabled = false;
  std::vector<std::string> event_types;  // sorted; empty: all
  std::vector<std::string> channels;     // sorted; empty: all
  std::vector<Header> headers;
  Metadata metadata;
  std::vector<EndpointSecret> secrets;  // the current one first
  WallTime created_at;
  WallTime updated_at;
};

}  // namespace posthorn::model

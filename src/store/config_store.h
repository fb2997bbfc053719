// Where configuration is kept: organizations, applications, endpoints, secrets and settings. The
// catalog reads everything at start and is the only writer; rules live there, not here.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"
#include "io/host.h"
#include "model/endpoint.h"

namespace posthorn::store {

// A secret as it lies on disk: encrypted and bound to its row (see docs/formats/secrets.md).
struct SecretRow {
  EndpointId endpoint;
  uint32_t ordinal = 0;  // 0: the current one; grows with age
  uint32_t key_version = 0;
  std::string sealed;
  WallTime expires_at;
};

struct SettingRow {
  std::string name;
  std::string value;
};

// Work that crosses from configuration to the log, written in the same transaction and pumped
// until the log has it.
struct OutboxRow {
  uint64_t number = 0;  // made by the store
  std::string kind;
  std::string body;
};

struct ConfigRows {
  uint64_t version = 0;
  std::vector<model::Organization> organizations;
  std::vector<model::Application> applications;
  std::vector<model::Endpoint> endpoints;  // their `secrets` are empty; see `secrets`
  std::vector<SecretRow> secrets;
  std::vector<SettingRow> settings;
  std::vector<OutboxRow> outbox;
};

struct PutOrganization {
  model::Organization row;
};
struct PutApplication {
  model::Application row;
};
struct DeleteApplication {
  AppId id;
};  // with its endpoints and their secrets
struct PutEndpoint {
  model::Endpoint row;
};
struct DeleteEndpoint {
  EndpointId id;
};  // with its secrets
struct PutSecrets {
  EndpointId endpoint;
  std::vector<SecretRow> rows;
};  // replaces all of them
struct PutSecret {
  SecretRow row;
};  // adds or replaces the one with its endpoint and ordinal
struct PutSetting {
  SettingRow row;
};
struct PutOutbox {
  OutboxRow row;
};
struct DeleteOutbox {
  uint64_t number;
};

using ConfigChange =
    std::variant<PutOrganization, PutApplication, DeleteApplication, PutEndpoint, DeleteEndpoint,
                 PutSecrets, PutSecret, PutSetting, PutOutbox, DeleteOutbox>;

// All calls block; one thread at a time.
class ConfigStore {
 public:
  virtual ~ConfigStore() = default;
  virtual Result<ConfigRows> load() = 0;
  // One transaction, durable on return; answers the new version (one more for each call).
  // kConflict when a uid is taken or a parent row is missing; nothing is changed then.
  // kUnknownOutcome when a sync failed: it may be stored or not, and every later call fails until
  // the store is opened again.
  virtual Result<uint64_t> apply(const std::vector<ConfigChange>& changes) = 0;
  // For key rotation: up to `limit` secrets whose key version is not `current`, any order.
  virtual Result<std::vector<SecretRow>> secrets_not_at(uint32_t current, size_t limit) = 0;
};

enum class ConfigAccess : uint8_t {
  kReadWrite,
  // Nothing is written, not even to open the file, which must be there in the newest format;
  // apply() answers kUnavailable.
  kReadOnly,
};

// `engine`: "memory" (forgets at exit; `path` is not used) or "sqlite" (`path` is the database
// file; its folder must exist and be locked by the caller). kUnsupported when the file is of a
// newer format, kCorrupt when it is not one of ours.
Result<std::unique_ptr<ConfigStore>> open_config_store(
    io::Host& host, std::string_view engine, const std::string& path,
    ConfigAccess access = ConfigAccess::kReadWrite);

}  // namespace posthorn::store

// Reading the store into a snapshot, sealing secrets on the way to it, and the one commit. What a
// change does is in applications.cc and endpoints.cc.
#include "catalog/internal/writer.h"

#include <fmt/format.h>

#include <unordered_map>

#include "base/log.h"

namespace posthorn::catalog {
namespace {

constexpr std::string_view kDefaultOrganization = "org_23rb8YdGqMT0qIzpgGwdXfHirMu";

// All rows as one snapshot; the secrets are in the endpoints already.
SnapshotRef snapshot_of(store::ConfigRows rows) {
  struct Parts {
    std::vector<std::pair<EndpointId, EndpointRef>> endpoints;
    std::vector<std::pair<std::string, EndpointId>> uids;
  };
  std::unordered_map<AppId, Parts> parts;
  std::vector<std::pair<EndpointId, AppId>> owners;
  for (model::Endpoint& row : rows.endpoints) {
    Parts& part = parts[row.app];
    auto endpoint = std::make_shared<const model::Endpoint>(std::move(row));
    owners.emplace_back(endpoint->id, endpoint->app);
    if (!endpoint->uid.empty()) part.uids.emplace_back(endpoint->uid, endpoint->id);
    part.endpoints.emplace_back(endpoint->id, std::move(endpoint));
  }
  std::vector<std::pair<AppId, AppRef>> apps;
  std::vector<std::pair<AppUid, AppId>> app_uids;
  for (model::Application& row : rows.applications) {
    auto state = std::make_shared<AppState>();
    Parts& part = parts[row.id];
    state->endpoints = decltype(state->endpoints)::from(std::move(part.endpoints));
    state->endpoint_uids = decltype(state->endpoint_uids)::from(std::move(part.uids));
    if (!row.uid.empty()) app_uids.emplace_back(AppUid{row.organization, row.uid}, row.id);
    const AppId id = row.id;
    state->app = std::move(row);
    apps.emplace_back(id, std::move(state));
  }
  auto snapshot = std::make_shared<Snapshot>();
  snapshot->version = rows.version;
  for (model::Organization& row : rows.organizations) {
    const OrganizationId id = row.id;
    snapshot->organizations = snapshot->organizations.with(id, std::move(row));
  }
  snapshot->apps = decltype(snapshot->apps)::from(std::move(apps));
  snapshot->endpoint_apps = decltype(snapshot->endpoint_apps)::from(std::move(owners));
  snapshot->app_uids = decltype(snapshot->app_uids)::from(std::move(app_uids));
  return snapshot;
}

}  // namespace

OrganizationId default_organization() {
  const auto id = OrganizationId::parse(kDefaultOrganization);
  CHECK(id.has_value());
  return *id;
}

Writer::Writer(io::Host& host, std::unique_ptr<store::ConfigStore> store,
               std::unique_ptr<SecretBox> box, CatalogOptions options)
    : host_(host),
      store_(std::move(store)),
      box_(std::move(box)),
      options_(std::move(options)),
      ids_(host.entropy().word()) {}

Status Writer::load() {
  PH_ASSIGN(store::ConfigRows rows, store_->load());
  PH_TRY(open_secrets(rows));
  for (const auto& row : rows.applications) ids_.resume(row.id.bytes, row.created_at);
  for (const auto& row : rows.endpoints) ids_.resume(row.id.bytes, row.created_at);
  newest_ = snapshot_of(std::move(rows));
  if (newest_->organizations.find(default_organization()) != nullptr) return {};
  model::Organization first;
  first.id = default_organization();
  first.name = "default";
  first.created_at = first.updated_at = now();
  Snapshot next = *newest_;
  next.organizations = next.organizations.with(first.id, first);
  return commit({store::PutOrganization{first}}, std::move(next));
}

Status Writer::open_secrets(store::ConfigRows& rows) const {
  std::unordered_map<EndpointId, std::vector<const store::SecretRow*>> by_endpoint;
  for (const store::SecretRow& row : rows.secrets) by_endpoint[row.endpoint].push_back(&row);
  for (model::Endpoint& endpoint : rows.endpoints) {
    auto& sealed = by_endpoint[endpoint.id];
    std::sort(sealed.begin(), sealed.end(),
              [](const auto* a, const auto* b) { return a->ordinal < b->ordinal; });
    for (const store::SecretRow* row : sealed) {
      if (box_ == nullptr && row->key_version != 0) {
        return error(Errc::kInvalid, "the stored secrets are encrypted; give the root key");
      }
      std::string plain = row->sealed;
      if (box_ != nullptr) {
        PH_ASSIGN(plain, box_->open(*row));
      }
      endpoint.secrets.push_back({std::move(plain), row->expires_at});
    }
  }
  return {};
}

store::PutSecrets Writer::sealed(const model::Endpoint& endpoint) {
  store::PutSecrets put{endpoint.id, {}};
  for (const model::EndpointSecret& secret : endpoint.secrets) {
    store::SecretRow row;
    row.endpoint = endpoint.id;
    row.ordinal = static_cast<uint32_t>(put.rows.size());
    row.expires_at = secret.expires_at;
    if (box_ != nullptr) {
      box_->seal(row, secret.key);
    } else {
      row.sealed = secret.key;
    }
    put.rows.push_back(std::move(row));
  }
  return put;
}

Status Writer::commit(const std::vector<store::ConfigChange>& changes, Snapshot next) {
  auto applied = store_->apply(changes);
  if (!applied.ok()) {
    if (applied.error().code == Errc::kUnknownOutcome) {
      log(LogLevel::kError, "catalog", "a change may not be durable: {}", applied.error().message);
      if (options_.on_fatal) options_.on_fatal();
    }
    return std::move(applied).error();
  }
  next.version = applied.value();
  newest_ = std::make_shared<const Snapshot>(std::move(next));
  return {};
}

Result<EndpointRef> Writer::find_endpoint(const EndpointId& id) const {
  EndpointRef endpoint = newest_->endpoint(id);
  if (endpoint == nullptr) {
    return error(Errc::kNotFound, fmt::format("there is no endpoint {}", id.text()));
  }
  return endpoint;
}

}  // namespace posthorn::catalog

// pure: configuration in ordered maps; a change works on a copy of the tables it could break and
// is dropped when one of its rows is refused.
#include "store/engines/memory/config_memory.h"

#include <map>
#include <utility>

namespace posthorn::store {
namespace {

using SecretKey = std::pair<EndpointId, uint32_t>;

struct Tables {
  std::map<OrganizationId, model::Organization> organizations;
  std::map<AppId, model::Application> applications;
  std::map<std::pair<OrganizationId, std::string>, AppId> app_uids;
  std::map<EndpointId, model::Endpoint> endpoints;
  std::map<std::pair<AppId, EndpointId>, bool> app_endpoints;
  std::map<std::pair<AppId, std::string>, EndpointId> endpoint_uids;
  std::map<SecretKey, SecretRow> secrets;
  std::map<std::string, std::string> settings;
  std::map<uint64_t, OutboxRow> outbox;
  uint64_t outbox_last = 0;
  uint64_t version = 0;
};

// What takes back one step.
using Undo = UniqueFunction<void(Tables&)>;

class Change {
 public:
  explicit Change(Tables& tables) : tables_(tables) {}

  void take_back() {
    while (!undo_.empty()) {
      undo_.back()(tables_);
      undo_.pop_back();
    }
  }

  Status operator()(const PutOrganization& put) {
    set(&Tables::organizations, put.row.id, put.row);
    return {};
  }

  Status operator()(const PutApplication& put) {
    const model::Application& row = put.row;
    if (!tables_.organizations.contains(row.organization)) return missing("organization");
    const auto old = tables_.applications.find(row.id);
    if (old != tables_.applications.end()) {
      drop(&Tables::app_uids, {old->second.organization, old->second.uid});
    }
    if (!row.uid.empty()) {
      if (tables_.app_uids.contains({row.organization, row.uid})) return taken("application");
      set(&Tables::app_uids, {row.organization, row.uid}, row.id);
    }
    set(&Tables::applications, row.id, row);
    return {};
  }

  Status operator()(const DeleteApplication& gone) {
    const auto at = tables_.applications.find(gone.id);
    if (at == tables_.applications.end()) return {};
    std::vector<EndpointId> endpoints;
    for (auto of = tables_.app_endpoints.lower_bound({gone.id, EndpointId{}});
         of != tables_.app_endpoints.end() && of->first.first == gone.id; ++of) {
      endpoints.push_back(of->first.second);
    }
    for (const EndpointId& id : endpoints) PH_TRY((*this)(DeleteEndpoint{id}));
    drop(&Tables::app_uids, {at->second.organization, at->second.uid});
    drop(&Tables::applications, gone.id);
    return {};
  }

  Status operator()(const PutEndpoint& put) {
    model::Endpoint row = put.row;
    row.secrets.clear();
    if (!tables_.applications.contains(row.app)) return missing("application");
    const auto old = tables_.endpoints.find(row.id);
    if (old != tables_.endpoints.end()) {
      drop(&Tables::endpoint_uids, {old->second.app, old->second.uid});
      drop(&Tables::app_endpoints, {old->second.app, row.id});
    }
    if (!row.uid.empty()) {
      if (tables_.endpoint_uids.contains({row.app, row.uid})) return taken("endpoint");
      set(&Tables::endpoint_uids, {row.app, row.uid}, row.id);
    }
    set(&Tables::app_endpoints, {row.app, row.id}, true);
    set(&Tables::endpoints, row.id, row);
    return {};
  }

  Status operator()(const DeleteEndpoint& gone) {
    const auto at = tables_.endpoints.find(gone.id);
    if (at == tables_.endpoints.end()) return {};
    drop_secrets(gone.id);
    drop(&Tables::endpoint_uids, {at->second.app, at->second.uid});
    drop(&Tables::app_endpoints, {at->second.app, gone.id});
    drop(&Tables::endpoints, gone.id);
    return {};
  }

  Status operator()(const PutSecrets& put) {
    const bool parent = tables_.endpoints.contains(put.endpoint);
    if (!parent && !put.rows.empty()) return missing("endpoint");
    drop_secrets(put.endpoint);
    for (const SecretRow& row : put.rows) {
      const SecretKey key{put.endpoint, row.ordinal};
      if (row.endpoint != put.endpoint || tables_.secrets.contains(key)) {
        return error(Errc::kConflict, "two secrets with one ordinal, or of another endpoint");
      }
      set(&Tables::secrets, key, row);
    }
    return {};
  }

  Status operator()(const PutSecret& put) {
    if (!tables_.endpoints.contains(put.row.endpoint)) return missing("endpoint");
    set(&Tables::secrets, {put.row.endpoint, put.row.ordinal}, put.row);
    return {};
  }

  Status operator()(const PutSetting& put) {
    set(&Tables::settings, put.row.name, put.row.value);
    return {};
  }

  // A number that was seen once is never used again.
  Status operator()(const PutOutbox& put) {
    OutboxRow row = put.row;
    undo_.emplace_back([last = tables_.outbox_last](Tables& t) { t.outbox_last = last; });
    row.number = ++tables_.outbox_last;
    set(&Tables::outbox, row.number, row);
    return {};
  }

  Status operator()(const DeleteOutbox& gone) {
    drop(&Tables::outbox, gone.number);
    return {};
  }

 private:
  template <typename Map>
  void set(Map Tables::*member, const typename Map::key_type& key,
           typename Map::mapped_type value) {
    remember(member, key);
    (tables_.*member)[key] = std::move(value);
  }
  template <typename Map>
  void drop(Map Tables::*member, const typename Map::key_type& key) {
    if (!(tables_.*member).contains(key)) return;
    remember(member, key);
    (tables_.*member).erase(key);
  }
  // How one entry was, for take_back().
  template <typename Map>
  void remember(Map Tables::*member, const typename Map::key_type& key) {
    const auto at = (tables_.*member).find(key);
    std::optional<typename Map::mapped_type> before;
    if (at != (tables_.*member).end()) before = at->second;
    undo_.emplace_back([member, key, before = std::move(before)](Tables& tables) mutable {
      if (before) {
        (tables.*member)[key] = std::move(*before);
      } else {
        (tables.*member).erase(key);
      }
    });
  }
  void drop_secrets(const EndpointId& endpoint) {
    std::vector<SecretKey> keys;
    for (auto at = tables_.secrets.lower_bound({endpoint, 0});
         at != tables_.secrets.end() && at->first.first == endpoint; ++at) {
      keys.push_back(at->first);
    }
    for (const SecretKey& key : keys) drop(&Tables::secrets, key);
  }
  static Error missing(std::string_view parent) {
    return error(Errc::kConflict, fmt::format("the {} does not exist", parent));
  }
  static Error taken(std::string_view noun) {
    return error(Errc::kConflict, fmt::format("uid: another {} has it", noun));
  }

  Tables& tables_;
  std::vector<Undo> undo_;
};

template <typename Map, typename Row>
void copy_values(const Map& map, std::vector<Row>& into) {
  into.reserve(map.size());
  for (const auto& [key, row] : map) into.push_back(row);
}

class MemoryConfigStore final : public ConfigStore {
 public:
  Result<ConfigRows> load() override {
    ConfigRows rows;
    rows.version = tables_.version;
    copy_values(tables_.organizations, rows.organizations);
    copy_values(tables_.applications, rows.applications);
    copy_values(tables_.endpoints, rows.endpoints);
    copy_values(tables_.secrets, rows.secrets);
    for (const auto& [name, value] : tables_.settings) rows.settings.push_back({name, value});
    copy_values(tables_.outbox, rows.outbox);
    return rows;
  }

  Result<uint64_t> apply(const std::vector<ConfigChange>& changes) override {
    Change change(tables_);
    for (const ConfigChange& one : changes) {
      Status applied = std::visit(change, one);
      if (applied.ok()) continue;
      change.take_back();
      return std::move(applied).error();
    }
    return ++tables_.version;
  }

  Result<std::vector<SecretRow>> secrets_not_at(uint32_t current, size_t limit) override {
    std::vector<SecretRow> found;
    for (const auto& [key, row] : tables_.secrets) {
      if (found.size() >= limit) break;
      if (row.key_version != current) found.push_back(row);
    }
    return found;
  }

 private:
  Tables tables_;
};

}  // namespace

std::unique_ptr<ConfigStore> make_memory_config_store() {
  return std::make_unique<MemoryConfigStore>();
}

}  // namespace posthorn::store

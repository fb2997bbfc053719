// The configuration as one immutable value with a version. Shards read their own copy of the
// pointer; a change makes a new snapshot that shares everything that did not change.
#pragma once
#include <memory>
#include <string>
#include <string_view>

#include "catalog/bucket_map.h"
#include "model/endpoint.h"

namespace posthorn::catalog {

using EndpointRef = std::shared_ptr<const model::Endpoint>;  // with its secrets in clear

// One application and its endpoints. Lookups allocate nothing.
struct AppState {
  model::Application app;
  BucketMap<EndpointId, EndpointRef> endpoints;
  BucketMap<std::string, EndpointId> endpoint_uids;

  // By id ("ep_…") or uid; null when there is none.
  EndpointRef find_endpoint(std::string_view id_or_uid) const;
};
using AppRef = std::shared_ptr<const AppState>;

// A uid is unique within its organization. A view of it finds it without a copy.
template <typename Text>
struct AppUidOf {
  OrganizationId organization;
  Text uid;
};
using AppUid = AppUidOf<std::string>;
using AppUidView = AppUidOf<std::string_view>;
template <typename A, typename B>
bool operator==(const AppUidOf<A>& a, const AppUidOf<B>& b) {
  return a.organization == b.organization && a.uid == b.uid;
}
template <>
struct BucketHash<AppUid> {
  template <typename Text>
  uint64_t operator()(const AppUidOf<Text>& key) const {
    return std::hash<std::string_view>{}(key.uid) ^ std::hash<OrganizationId>{}(key.organization);
  }
};

class Snapshot {
 public:
  uint64_t version = 0;
  BucketMap<OrganizationId, model::Organization> organizations;
  BucketMap<AppId, AppRef> apps;
  BucketMap<EndpointId, AppId> endpoint_apps;
  BucketMap<AppUid, AppId> app_uids;

  // Lookups allocate nothing. By id ("app_…") or uid within the organization; null when there is
  // none there.
  AppRef find_app(const OrganizationId& organization, std::string_view id_or_uid) const;
  AppRef app(const AppId& id) const;
  EndpointRef endpoint(const EndpointId& id) const;
};
using SnapshotRef = std::shared_ptr<const Snapshot>;

}  // namespace posthorn::catalog

// pure: lookups in a configuration snapshot, on the path of every request.
#include "catalog/snapshot.h"

namespace posthorn::catalog {

// A uid never starts with the prefix of an id of its kind (rules.cc), so a text is one or the
// other.
EndpointRef AppState::find_endpoint(std::string_view id_or_uid) const {
  const EndpointId* id = nullptr;
  const auto parsed = EndpointId::parse(id_or_uid);
  id = parsed ? &*parsed : endpoint_uids.find(id_or_uid);
  if (id == nullptr) return nullptr;
  const EndpointRef* found = endpoints.find(*id);
  return found == nullptr ? nullptr : *found;
}

AppRef Snapshot::find_app(const OrganizationId& organization, std::string_view id_or_uid) const {
  if (const auto id = AppId::parse(id_or_uid)) {
    const AppRef* found = apps.find(*id);
    if (found == nullptr || (*found)->app.organization != organization) return nullptr;
    return *found;
  }
  const AppId* id = app_uids.find(AppUidView{organization, id_or_uid});
  return id == nullptr ? nullptr : app(*id);
}

AppRef Snapshot::app(const AppId& id) const {
  const AppRef* found = apps.find(id);
  return found == nullptr ? nullptr : *found;
}

EndpointRef Snapshot::endpoint(const EndpointId& id) const {
  const AppId* owner = endpoint_apps.find(id);
  if (owner == nullptr) return nullptr;
  const AppRef state = app(*owner);
  if (state == nullptr) return nullptr;
  const EndpointRef* found = state->endpoints.find(id);
  return found == nullptr ? nullptr : *found;
}

}  // namespace posthorn::catalog

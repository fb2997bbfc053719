// The one writer of configuration: rules, rows and the next snapshot. Lives on the catalog's
// worker thread; every call blocks on the store.
#pragma once
#include <memory>
#include <vector>

#include "catalog/catalog.h"
#include "catalog/secret_box.h"
#include "store/id_sequence.h"

namespace posthorn::catalog {

class Writer {
 public:
  Writer(io::Host& host, std::unique_ptr<store::ConfigStore> store, std::unique_ptr<SecretBox> box,
         CatalogOptions options);

  // Reads the store and makes the default organization when it is not there.
  Status load();
  // Changed by each call that succeeds and changes something.
  const SnapshotRef& newest() const { return newest_; }

  Result<Created<AppRef>> create_application(const OrganizationId& organization,
                                             ApplicationSpec spec);
  Result<EndpointRef> create_endpoint(const AppId& app, EndpointSpec spec);
  Status set_endpoint_disabled(const EndpointId& id, bool disabled);
  Status delete_endpoint(const EndpointId& id);

 private:
  // Gives each endpoint its secrets in clear, the current one first.
  Status open_secrets(store::ConfigRows& rows) const;
  store::PutSecrets sealed(const model::Endpoint& endpoint);
  // Writes the rows; on success `next` with its new version is the newest snapshot.
  Status commit(const std::vector<store::ConfigChange>& changes, Snapshot next);
  Result<EndpointRef> find_endpoint(const EndpointId& id) const;
  // The time of a new row; never before that of the row before it.
  WallTime now() { return ids_.clamp(host_.clock().wall()); }

  io::Host& host_;
  const std::unique_ptr<store::ConfigStore> store_;
  const std::unique_ptr<SecretBox> box_;
  CatalogOptions options_;
  store::IdSequence ids_;
  SnapshotRef newest_;
};

}  // namespace posthorn::catalog

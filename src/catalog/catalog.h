// The only code that changes configuration: checks the rules, writes the store, publishes a new
// snapshot to every shard, and answers when all of them have it.
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/function.h"
#include "base/result.h"
#include "catalog/snapshot.h"
#include "io/host.h"
#include "store/config_store.h"

namespace posthorn::catalog {

class SecretBox;

// What a client may say of an application; ids and times are made here.
struct ApplicationSpec {
  std::string uid;
  std::string name;
  std::optional<uint16_t> throttle_rate;
  model::Metadata metadata;
  bool get_if_exists = false;  // answer the one that has the uid instead of kConflict
};

struct EndpointSpec {
  std::string uid;
  std::string url;
  std::string description;
  std::optional<uint16_t> throttle_rate;
  uint32_t version = 1;
  bool disabled = false;
  std::vector<std::string> event_types;
  std::vector<std::string> channels;
  std::vector<model::Header> headers;
  model::Metadata metadata;
  std::string secret;  // whsec_… or whsk_…; empty: one is generated of the configured type
};

enum class SecretType : uint8_t { kHmac256, kEd25519 };

struct CatalogLimits {
  size_t changes_max = 1024;  // asked for and not answered yet; beyond: kOverloaded
  size_t name_bytes_max = 4096;
  size_t description_bytes_max = 16384;
  size_t event_types_max = 1000;  // of one endpoint
  size_t headers_max = 64;        // of one endpoint
};

struct CatalogOptions {
  SecretType secret_type = SecretType::kHmac256;  // of generated secrets
  bool https_only = false;                        // refuse http:// endpoint URLs
  CatalogLimits limits;
  // Called on the catalog's thread when a change may or may not be durable (a sync failed): the
  // process must end with the named exit code; every later change fails.
  Task on_fatal;
};

template <typename T>
struct Created {
  T value;
  bool existed = false;  // get_if_exists found it
};

using AppCreated = UniqueFunction<void(Result<Created<AppRef>>)>;
using EndpointCreated = UniqueFunction<void(Result<EndpointRef>)>;
using Changed = UniqueFunction<void(Status)>;

class Catalog {
 public:
  using Receive = UniqueFunction<void(SnapshotRef)>;

  // Reads everything, decrypts the secrets, makes the default organization on first start; blocks.
  // `box` may be null for an engine that keeps nothing on disk. The host must outlive the catalog.
  static Result<std::unique_ptr<Catalog>> open(io::Host& host,
                                               std::unique_ptr<store::ConfigStore> store,
                                               std::unique_ptr<SecretBox> box,
                                               CatalogOptions options);
  // Finishes the changes that were asked for. Answers that have not run yet are dropped; the loops
  // must have ended, or this is their thread.
  ~Catalog();
  Catalog(const Catalog&) = delete;
  Catalog& operator=(const Catalog&) = delete;

  // The newest snapshot; any thread (shards use the one they were handed).
  SnapshotRef snapshot() const;

  // Calls `receive` at once with the newest snapshot, and from now on it runs on `loop` for each
  // newer one, in order; a change is answered only after every attached loop has received it.
  // Call before run() or on the loop's thread.
  void attach(io::Loop& loop, Receive receive);

  // Each: any thread; durable and seen by every shard before the callback, which runs on
  // `reply_to`. Errors, all in the callback: kInvalid "field: what to do", kConflict for a taken
  // uid, kNotFound for what is not there, kOverloaded when too many changes wait.
  void create_application(const OrganizationId& organization, ApplicationSpec spec,
                          io::Loop& reply_to, AppCreated done);
  void create_endpoint(const AppId& app, EndpointSpec spec, io::Loop& reply_to,
                       EndpointCreated done);
  void set_endpoint_disabled(const EndpointId& endpoint, bool disabled, io::Loop& reply_to,
                             Changed done);
  void delete_endpoint(const EndpointId& endpoint, io::Loop& reply_to, Changed done);

 private:
  struct Impl;
  explicit Catalog(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// org_23rb8YdGqMT0qIzpgGwdXfHirMu
OrganizationId default_organization();

}  // namespace posthorn::catalog

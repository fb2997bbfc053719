// Wiring of one shard.
#include "app/shard.h"

#include "api/errors.h"
#include "app/limits.h"
#include "io/linux/limits.h"

namespace posthorn::app {
namespace {

PipelineOptions pipeline_options(const Config& config, const std::string& version, size_t shards) {
  PipelineOptions options;
  options.deliver.guard.allow = config.delivery_allow_targets;
  options.deliver.timeout = config.delivery_request_timeout;
  options.deliver.signature_headers = config.delivery_signature_headers;
  options.deliver.https_only = config.delivery_https_only;
  options.deliver.user_agent = "Posthorn/" + version;
  options.retry.schedule = config.delivery_retry_schedule;
  const size_t budget = std::min(io::socket_descriptor_limit() / 2, kConnectionsMax);
  options.scheduler = kSchedulerLimits;
  options.scheduler.in_flight_max = std::max(kSchedulerLimits.lane.window_max, budget / shards);
  options.client.connections_max = options.scheduler.in_flight_max;
  return options;
}

bool is_batch(std::string_view path) { return path.ends_with("/msg/batch"); }

}  // namespace

Shard::Shard(const ShardDeps& deps) : count_(deps.count), loop_(deps.host.make_loop()) {}

Shard::~Shard() = default;

Result<std::unique_ptr<Shard>> Shard::make(const ShardDeps& deps) {
  std::unique_ptr<Shard> shard(new Shard(deps));
  PH_TRY(shard->build(deps));
  return shard;
}

Status Shard::build(const ShardDeps& deps) {
  io::TlsClientOptions tls;
  tls.ca_file = deps.config.delivery_ca_file;
  PH_ASSIGN(tls_, deps.host.make_tls(*loop_, tls, {}));
  pipeline_ =
      std::make_unique<Pipeline>(PipelineDeps{*loop_, tls_.get(), deps.lane_reader, deps.store,
                                              deps.index, deps.count, deps.host.entropy().word()},
                                 pipeline_options(deps.config, deps.version, deps.count));
  deps.catalog.attach(
      *loop_, [this](catalog::SnapshotRef snapshot) { pipeline_->configure(std::move(snapshot)); });
  auth_ = std::make_unique<api::Auth>(deps.jwt_secret);
  build_intake(deps);
  api_ =
      std::make_unique<api::Api>(api::ApiDeps{*loop_, deps.catalog, deps.store, deps.api_reader,
                                              *auth_, [this] { return pipeline_->snapshot(); },
                                              [this]() -> Status {
                                                if (draining_)
                                                  return error(Errc::kUnavailable, "shutting down");
                                                return {};
                                              },
                                              deps.version});
  ingest_->mount(routes_);
  api_->mount(routes_);
  build_server(deps);
  return {};
}

void Shard::build_intake(const ShardDeps& deps) {
  intake_ = std::make_unique<ingest::Intake>(ingest::IntakeDeps{
      *loop_, deps.store.log(), deps.api_reader, [this] { return pipeline_->snapshot(); },
      [this](const catalog::AppRef& app, const model::Message& message) {
        return matcher_.match(app, message);
      }});
  ingest::HttpIngestLimits limits;
  limits.message.payload_bytes_max = deps.config.server_payload_bytes_max;
  limits.body_bytes_max = deps.config.server_payload_bytes_max + kBodySlackBytes;
  limits.batch_bytes_max = kBatchBytesMax;
  ingest_ = std::make_unique<ingest::HttpIngest>(
      ingest::HttpIngestDeps{*intake_, loop_->clock(), [this] { return pipeline_->snapshot(); },
                             [this](std::string_view authorization) {
                               return auth_->verify(authorization, loop_->clock().wall());
                             },
                             &api::refusal_response, &api::append_refusal},
      limits);
}

void Shard::build_server(const ShardDeps& deps) {
  const size_t body_max = deps.config.server_payload_bytes_max + kBodySlackBytes;
  server_ = std::make_unique<http::Server>(
      *loop_, http::ServerLimits{},
      http::Server::Handlers{
          [this](http::Request& request, http::Responder responder) {
            routes_.dispatch(request, std::move(responder));
          },
          [body_max](const wire::RequestHead& head) {
            return is_batch(head.path()) ? kBatchBytesMax : body_max;
          },
          [](int status, std::string_view reason) { return api::error_body(status, reason); }});
}

void Shard::begin(const std::vector<store::LaneRecord>& lanes) { pipeline_->begin(lanes); }

Status Shard::listen(const SocketAddress& at) {
  io::ListenOptions options;
  options.reuse_port = count_ > 1;
  return server_->listen(at, options);
}

void Shard::drain(Task done) {
  draining_ = true;
  drained_ = std::move(done);
  drains_left_ = 2;
  const auto one_done = [this] {
    if (--drains_left_ == 0) std::exchange(drained_, nullptr)();
  };
  server_->drain(one_done);
  pipeline_->drain(one_done);
}

}  // namespace posthorn::app

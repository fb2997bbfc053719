// Wiring of one shard.
#include "app/shard.h"

#include "api/errors.h"
#include "app/limits.h"
#include "io/linux/limits.h"

namespace posthorn::app {
namespace {

// One half of the descriptors for sockets belongs to deliveries, the other to callers, so that
// neither can take what the other needs. This is a shard's part of a half.
size_t descriptors_half(size_t shards) {
  return std::max<size_t>(1, io::socket_descriptor_limit() / 2 / shards);
}

PipelineOptions pipeline_options(const ShardDeps& deps) {
  const Config& config = deps.config;
  PipelineOptions options;
  options.deliver.guard.allow = config.delivery_allow_targets;
  options.deliver.guard.own = deps.own_addresses;
  options.deliver.timeout = config.delivery_request_timeout;
  options.deliver.signature_headers = config.delivery_signature_headers;
  options.deliver.https_only = config.delivery_https_only;
  options.deliver.user_agent = "Posthorn/" + deps.version;
  options.retry.schedule = config.delivery_retry_schedule;
  options.scheduler = kSchedulerLimits;
  options.scheduler.in_flight_max =
      std::min(descriptors_half(deps.count), kConnectionsMax / deps.count);
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
                                 pipeline_options(deps));
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

// Only who shows a valid token may fill the buffers with more than a little.
http::Server::BodyBound Shard::body_bound(const wire::RequestHead& head, size_t body_max) {
  const bool little =
      head.framing != wire::BodyFraming::kChunked && head.content_length <= kStrangerBodyMax;
  const auto token = [&] { return head.headers.find("authorization").value_or(""); };
  if (little || auth_->verify(token(), loop_->clock().wall()).ok()) {
    return {is_batch(head.path()) ? kBatchBytesMax : body_max};
  }
  return {kStrangerBodyMax, 401,
          "Give a valid token as `Authorization: Bearer ...`; `posthorn token` makes one"};
}

void Shard::build_server(const ShardDeps& deps) {
  const size_t body_max = deps.config.server_payload_bytes_max + kBodySlackBytes;
  http::ServerLimits limits = kServerLimits;
  limits.connections_max = std::min(limits.connections_max, descriptors_half(count_));
  server_ = std::make_unique<http::Server>(
      *loop_, limits,
      http::Server::Handlers{
          [this](http::Request& request, http::Responder responder) {
            routes_.dispatch(request, std::move(responder));
          },
          [this, body_max](const wire::RequestHead& head) { return body_bound(head, body_max); },
          [](int status, std::string_view reason) { return api::error_body(status, reason); }});
}

void Shard::begin(const std::vector<store::LaneRecord>& lanes) { pipeline_->begin(lanes); }

Status Shard::listen(const SocketAddress& at, bool first) {
  io::ListenOptions options;
  options.reuse_port = count_ > 1;
  options.first = first;
  return server_->listen(at, options);
}

void Shard::drain(Task done) {
  draining_ = true;
  drained_ = std::move(done);
  drains_left_ = 2;
  const auto one_done = [this] {
    if (--drains_left_ == 0) std::exchange(drained_, nullptr)();
  };
  // An append may outlive the connection that asked for it.
  server_->drain([this, one_done] { intake_->drain(one_done); });
  pipeline_->drain(one_done);
}

}  // namespace posthorn::app

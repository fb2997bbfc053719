// One shard: a loop with its server, its REST interface, its intake and its pipeline. Built in
// order here and destroyed in reverse.
#pragma once
#include <memory>
#include <string>

#include "api/api.h"
#include "app/config.h"
#include "app/pipeline.h"
#include "http/server.h"
#include "ingest/http_ingest.h"
#include "route/match.h"

namespace posthorn::app {

struct ShardDeps {
  io::Host& host;
  const Config& config;
  store::Store& store;
  catalog::Catalog& catalog;
  io::Worker& lane_reader;  // log reads of lanes
  io::Worker& api_reader;   // reads for the REST interface
  std::string jwt_secret;
  std::string version;
  const std::vector<IpAddress>& own_addresses;
  size_t index = 0;
  size_t count = 1;
};

class Shard {
 public:
  static Result<std::unique_ptr<Shard>> make(const ShardDeps& deps);
  ~Shard();
  Shard(const Shard&) = delete;
  Shard& operator=(const Shard&) = delete;

  io::Loop& loop() { return *loop_; }
  SocketAddress address() const { return server_->address(); }
  // Before the loop runs, or on its thread.
  void begin(const std::vector<store::LaneRecord>& lanes);
  // On the loop's thread: a lane's deliveries up to a place have ended in the log.
  void expired(const model::Command& expire) { pipeline_->expired(expire); }
  Status listen(const SocketAddress& at, bool first);
  // On the loop's thread: answers what was asked, ends what is in flight, then runs `done`.
  void drain(Task done);

 private:
  explicit Shard(const ShardDeps& deps);
  Status build(const ShardDeps& deps);
  void build_intake(const ShardDeps& deps);
  void build_server(const ShardDeps& deps);
  http::Server::BodyBound body_bound(const wire::RequestHead& head, size_t body_max);

  const size_t count_;
  bool draining_ = false;
  std::unique_ptr<io::Loop> loop_;
  std::unique_ptr<io::Tls> tls_;
  std::unique_ptr<Pipeline> pipeline_;
  std::unique_ptr<api::Auth> auth_;
  route::Matcher matcher_;
  std::unique_ptr<ingest::Intake> intake_;
  std::unique_ptr<ingest::HttpIngest> ingest_;
  std::unique_ptr<api::Api> api_;
  api::Routes routes_;
  std::unique_ptr<http::Server> server_;
  Task drained_;
  size_t drains_left_ = 0;
};

}  // namespace posthorn::app

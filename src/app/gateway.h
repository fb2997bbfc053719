// The whole process: opens the stores, builds the shards, serves until asked to stop, ends in
// order. Built by the command line and by tests (there on the simulated host).
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "app/config.h"
#include "app/exit_codes.h"
#include "app/limits.h"
#include "app/shard.h"
#include "app/upkeep.h"

namespace posthorn::app {

inline constexpr const char* kVersion = "0.1.0";

struct GatewayOptions {
  std::vector<IpAddress> own_addresses;            // of this machine: no webhook goes there
  nanoseconds drain_max = seconds{30};             // after it what is still in flight is given up
  store::StoreLimits store_limits = kStoreLimits;  // tests have small ones
  // Ends the process at once: a failed sync. Tests put their own here.
  std::function<void(ExitCode)> die;
};

class Gateway {
 public:
  // Recovers and listens; nothing is delivered before run(). The host must outlive it.
  static Result<std::unique_ptr<Gateway>> start(io::Host& host, Config config,
                                                GatewayOptions options);
  ~Gateway();
  Gateway(const Gateway&) = delete;
  Gateway& operator=(const Gateway&) = delete;

  // Serves on this thread (first shard) and one thread for each other shard until the stop is
  // complete; then closes the store. In simulation the world runs the loops instead: see tests.
  Status run();
  // Any thread: drains, then makes run() return. A second call gives up what is in flight.
  void stop();

  SocketAddress address() const { return shards_.front()->address(); }
  io::Loop& loop() { return shards_.front()->loop(); }
  const std::string& jwt_secret() const { return jwt_secret_; }
  // True once every shard has drained.
  bool stopped() const { return shards_left_ == 0; }
  // Commits, checkpoints and releases the data directory; after the loops have ended.
  Status close();

 private:
  Gateway(io::Host& host, Config config, GatewayOptions options);
  Status open();
  Status open_stores();
  Status open_shards();
  void begin_stop();
  void drain(Shard& shard);
  void shard_drained();
  void stop_loops();
  void expired(const model::Command& expire);
  void end_workers();

  io::Host& host_;
  const Config config_;
  const GatewayOptions options_;
  std::string jwt_secret_;
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<catalog::Catalog> catalog_;
  std::unique_ptr<io::Worker> lane_reader_;
  std::unique_ptr<io::Worker> api_reader_;
  std::vector<std::unique_ptr<Shard>> shards_;
  std::vector<std::unique_ptr<io::Worker>> threads_;
  std::unique_ptr<Upkeep> upkeep_;
  std::unique_ptr<io::Timer> drain_timer_;
  size_t shards_left_ = 0;
  bool stopping_ = false;
};

}  // namespace posthorn::app

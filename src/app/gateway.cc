// Start, run and end of the process.
#include "app/gateway.h"

#include "app/credentials.h"
#include "catalog/secret_box.h"

namespace posthorn::app {
namespace {

catalog::CatalogOptions catalog_options(const Config& config, std::function<void(ExitCode)> die) {
  catalog::CatalogOptions options;
  options.secret_type =
      config.delivery_ed25519 ? catalog::SecretType::kEd25519 : catalog::SecretType::kHmac256;
  options.https_only = config.delivery_https_only;
  options.on_fatal = [die = std::move(die)] { die(ExitCode::kSyncFailed); };
  return options;
}

// The folder and the names that lead to it survive a power cut. Folders above the nearest one may
// be closed to this process; they were there before.
Status make_durable_directory(io::Disk& disk, const std::string& path) {
  const Status made = disk.make_directory(path);
  if (!made.ok() && made.error().code == Errc::kConflict) {
    return error(Errc::kInvalid, path + " is not a folder; choose another with --data-dir");
  }
  PH_TRY(made);
  std::string folder = io::parent_directory(path);
  PH_TRY(disk.sync_directory(folder));
  while (folder != "/" && folder != "." && disk.sync_directory(folder).ok()) {
    folder = io::parent_directory(folder);
  }
  return {};
}

}  // namespace

Gateway::Gateway(io::Host& host, Config config, GatewayOptions options)
    : host_(host), config_(std::move(config)), options_(std::move(options)) {}

Gateway::~Gateway() {
  threads_.clear();
  end_workers();
  // A start that failed gets here without close(); the log's answers go to loops of the shards.
  if (store_ != nullptr) (void)store_->close();
}

// Before what their tasks use: the shards and the stores.
void Gateway::end_workers() {
  drain_timer_.reset();
  upkeep_.reset();
  api_reader_.reset();
  lane_reader_.reset();
}

Result<std::unique_ptr<Gateway>> Gateway::start(io::Host& host, Config config,
                                                GatewayOptions options) {
  std::unique_ptr<Gateway> gateway(new Gateway(host, std::move(config), std::move(options)));
  PH_TRY(gateway->open());
  return gateway;
}

Status Gateway::open() {
  PH_TRY(open_stores());
  PH_TRY(open_shards());
  log(LogLevel::kInfo, "app", "listening on {}, data in {}, {} shards", address().text(),
      config_.store_data_dir, shards_.size());
  return {};
}

Status Gateway::open_stores() {
  PH_TRY(make_durable_directory(host_.disk(), config_.store_data_dir)
             .context("making the data directory"));
  store::StoreOptions options;
  options.engine = config_.store_engine;
  options.directory = config_.store_data_dir + "/log";
  options.limits = options_.store_limits;
  options.limits.history = config_.store_history;
  options.limits.history_bytes_max = config_.store_history_bytes_max;
  options.on_fatal = [die = options_.die] { die(ExitCode::kSyncFailed); };
  PH_ASSIGN(store_, store::open_store(host_, std::move(options)).context("opening the log"));
  PH_ASSIGN(jwt_secret_, ensure_jwt_secret(host_, config_));
  const bool on_disk = config_.store_engine != "memory";
  // A disk that the log cannot be written to takes no configuration either: reads are served.
  const bool read_only = store_->log().health().why_not.code == Errc::kUnavailable;
  PH_ASSIGN(auto config_store,
            store::open_config_store(
                host_, on_disk ? "sqlite" : "memory", config_.store_data_dir + "/config.db",
                read_only ? store::ConfigAccess::kReadOnly : store::ConfigAccess::kReadWrite)
                .context("opening the configuration"));
  const std::string key_path = config_.store_key_file.empty()
                                   ? config_.store_data_dir + "/secrets.key"
                                   : config_.store_key_file;
  std::unique_ptr<catalog::SecretBox> box;
  if (on_disk) {
    PH_ASSIGN(box, catalog::open_secret_box(host_, *config_store, key_path)
                       .context("opening the key of the stored secrets"));
  }
  PH_ASSIGN(catalog_, catalog::Catalog::open(host_, std::move(config_store), std::move(box),
                                             catalog_options(config_, options_.die)));
  return {};
}

Status Gateway::open_shards() {
  lane_reader_ = host_.make_worker("lane-reader", kReaderTasksMax);
  api_reader_ = host_.make_worker("api-reader", kReaderTasksMax);
  const size_t count = std::max<uint32_t>(1, config_.server_shards);
  SocketAddress at = config_.server_listen;
  const std::vector<store::LaneRecord> lanes = store_->lanes().all();
  for (size_t index = 0; index < count; ++index) {
    PH_ASSIGN(auto shard,
              Shard::make({host_, config_, *store_, *catalog_, *lane_reader_, *api_reader_,
                           jwt_secret_, kVersion, options_.own_addresses, index, count}));
    // Before any shard accepts, so that no commit goes unseen by a lane of another.
    shard->begin(lanes);
    shards_.push_back(std::move(shard));
  }
  for (const auto& shard : shards_) {
    if (Status listening = shard->listen(at, shard == shards_.front()); !listening.ok()) {
      return error(listening.error().code,
                   listening.error().message + "; choose another with --listen or server.listen");
    }
    at.port = shard->address().port;  // when port 0 was asked for, all shards share the one found
  }
  shards_left_ = count;
  record::RetentionLimits retention;
  retention.hold_limit = config_.store_hold_limit;
  upkeep_ = std::make_unique<Upkeep>(UpkeepDeps{host_, loop(), *store_}, retention,
                                     [this](const model::Command& expire) { expired(expire); });
  loop().post_remote([upkeep = upkeep_.get()] { upkeep->begin(); });
  return {};
}

// On the first shard's loop; the lane is on its own.
void Gateway::expired(const model::Command& expire) {
  Shard& shard = *shards_[schedule::shard_of(expire.endpoint, shards_.size())];
  shard.loop().post_remote([&shard, expire] { shard.expired(expire); });
}

Status Gateway::run() {
  for (size_t index = 1; index < shards_.size(); ++index) {
    threads_.push_back(host_.make_worker("shard-" + std::to_string(index), 1));
    threads_.back()->post([loop = &shards_[index]->loop()] { loop->run(); });
  }
  loop().run();
  threads_.clear();
  return close();
}

void Gateway::stop() {
  loop().post_remote([this] { begin_stop(); });
}

void Gateway::begin_stop() {
  if (std::exchange(stopping_, true)) {
    log(LogLevel::kWarn, "app", "asked to stop again: giving up what is in flight");
    stop_loops();
    return;
  }
  log(LogLevel::kInfo, "app", "stopping: finishing what is in flight");
  upkeep_->stop();
  drain_timer_ = std::make_unique<io::Timer>(loop().timers(), [this] {
    log(LogLevel::kWarn, "app", "gave up attempts that did not end in time");
    stop_loops();
  });
  drain_timer_->arm_at(loop().clock().now() + options_.drain_max);
  for (const auto& shard : shards_) drain(*shard);
}

// On its own loop; the count of those that are done is kept on the first shard's.
void Gateway::drain(Shard& shard) {
  const auto report = [this] { loop().post_remote([this] { shard_drained(); }); };
  shard.loop().post_remote([&shard, report] { shard.drain(report); });
}

void Gateway::shard_drained() {
  if (--shards_left_ == 0) stop_loops();
}

void Gateway::stop_loops() {
  for (const auto& shard : shards_) shard->loop().stop();
}

Status Gateway::close() {
  end_workers();
  Status closed = store_->close();
  catalog_.reset();
  return closed;
}

}  // namespace posthorn::app

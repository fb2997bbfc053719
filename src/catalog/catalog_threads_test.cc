// The catalog between real threads: shards that ask for changes at once and see snapshots in
// order.
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "catalog/catalog.h"
#include "catalog/secret_box.h"
#include "io/linux/host.h"

namespace posthorn::catalog {
namespace {

constexpr size_t kShards = 3;
constexpr size_t kChangesEach = 100;

// One shard: its own copy of the snapshot pointer, used on its thread only.
struct Shard {
  std::unique_ptr<io::Loop> loop;
  SnapshotRef snapshot;
  size_t answered = 0;
  uint64_t out_of_order = 0;
  uint64_t unseen = 0;  // answers to changes that this shard did not see yet
};

class Shards {
 public:
  explicit Shards(io::Host& host) {
    auto store = store::open_config_store(host, "memory", "").value();
    catalog_ = Catalog::open(host, std::move(store), nullptr, CatalogOptions{}).value();
    for (Shard& shard : shards_) {
      shard.loop = host.make_loop();
      catalog_->attach(*shard.loop, [&shard](SnapshotRef next) {
        const uint64_t before = shard.snapshot == nullptr ? 0 : shard.snapshot->version;
        if (next->version != before + 1 && shard.snapshot != nullptr) ++shard.out_of_order;
        shard.snapshot = std::move(next);
      });
    }
  }

  void ask(Shard& shard) {
    ApplicationSpec spec;
    spec.name = "an app";
    catalog_->create_application(default_organization(), std::move(spec), *shard.loop,
                                 [this, &shard](Result<Created<AppRef>> made) {
                                   CHECK(made.ok(), "{}", made.error().message);
                                   const AppId id = made.value().value->app.id;
                                   if (shard.snapshot->app(id) == nullptr) ++shard.unseen;
                                   answered(shard);
                                 });
  }

  void run() {
    std::vector<std::thread> threads;
    for (Shard& shard : shards_) {
      shard.loop->post_remote([this, &shard] {
        for (size_t at = 0; at < kChangesEach; ++at) ask(shard);
      });
      threads.emplace_back([&shard] { shard.loop->run(); });
    }
    for (std::thread& thread : threads) thread.join();
  }

  std::array<Shard, kShards>& all() { return shards_; }
  const Catalog& catalog() const { return *catalog_; }

 private:
  void answered(Shard& shard) {
    ++shard.answered;
    if (++answered_ < kShards * kChangesEach) return;
    for (Shard& one : shards_) one.loop->stop();
  }

  std::array<Shard, kShards> shards_;
  std::atomic<size_t> answered_{0};
  std::unique_ptr<Catalog> catalog_;
};

TEST(CatalogThreads, EveryShardSeesAChangeBeforeItIsAnswered) {
  const auto host = io::make_linux_host();
  Shards shards(*host);
  shards.run();
  EXPECT_EQ(shards.catalog().snapshot()->apps.size(), kShards * kChangesEach);
  for (Shard& shard : shards.all()) {
    EXPECT_EQ(shard.answered, kChangesEach);
    EXPECT_EQ(shard.unseen, 0u);
    EXPECT_EQ(shard.out_of_order, 0u);
  }
}

}  // namespace
}  // namespace posthorn::catalog

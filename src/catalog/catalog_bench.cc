// What a change of configuration costs: the 100,000th endpoint, durable and seen by two shards,
// in one application and spread over 10,000; and what a lookup costs on the path of a request.
#include <benchmark/benchmark.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <future>
#include <thread>

#include "catalog/catalog.h"
#include "catalog/secret_box.h"
#include "io/linux/host.h"

namespace posthorn::catalog {
namespace {

constexpr size_t kEndpoints = 99'999;
constexpr size_t kRowsPerChange = 2000;

// A data directory on the real disk with so many endpoints, and a catalog over it.
class Fixture {
 public:
  explicit Fixture(size_t apps) {
    const char* parent = std::getenv("POSTHORN_BENCH_DIR");
    std::string pattern = std::string(parent ? parent : "/tmp") + "/posthorn-bench-XXXXXX";
    CHECK(::mkdtemp(pattern.data()) != nullptr);
    folder_ = pattern;
    auto store = store::open_config_store(*host_, "sqlite", folder_ + "/config.db");
    CHECK(store.ok(), "{}", store.error().message);
    auto box = open_secret_box(*host_, *store.value(), folder_ + "/secret.key");
    CHECK(box.ok(), "{}", box.error().message);
    fill(*store.value(), *box.value(), apps);
    const auto before = host_->clock().now();
    auto opened = Catalog::open(*host_, std::move(store).value(), std::move(box).value(), {});
    CHECK(opened.ok(), "{}", opened.error().message);
    open_ms_ = static_cast<double>((host_->clock().now() - before).count()) / 1e6;
    catalog_ = std::move(opened).value();
    for (auto& loop : loops_) {
      loop = host_->make_loop();
      catalog_->attach(*loop, [](const SnapshotRef&) {});
    }
    for (size_t at = 0; at < loops_.size(); ++at) {
      threads_[at] = std::thread([this, at] { loops_[at]->run(); });
    }
  }
  ~Fixture() {
    for (auto& loop : loops_) loop->stop();
    for (auto& thread : threads_) thread.join();
    catalog_ = nullptr;
    std::filesystem::remove_all(folder_);
  }

  Fixture(const Fixture&) = delete;
  Fixture& operator=(const Fixture&) = delete;

  void create(const AppId& app) {
    EndpointSpec spec;
    spec.url = "https://example.com/hooks/one";
    spec.uid = "bench-" + std::to_string(++made_);
    spec.event_types = {"invoice.paid", "invoice.voided"};
    std::promise<bool> done;
    catalog_->create_endpoint(app, std::move(spec), *loops_[0],
                              [&](auto result) { done.set_value(result.ok()); });
    CHECK(done.get_future().get());
  }

  const AppId& app(size_t at) const { return apps_[at % apps_.size()]; }
  SnapshotRef snapshot() const { return catalog_->snapshot(); }
  MonoTime now() const { return host_->clock().now(); }
  double open_ms() const { return open_ms_; }

 private:
  void fill(store::ConfigStore& store, SecretBox& box, size_t apps) {
    std::vector<store::ConfigChange> changes;
    model::Organization organization;
    organization.id = default_organization();
    changes.emplace_back(store::PutOrganization{organization});
    for (size_t number = 0; number < apps; ++number) {
      model::Application app;
      app.organization = organization.id;
      app.uid = "app-" + std::to_string(number);
      app.id = AppId{next_id()};
      apps_.push_back(app.id);
      changes.emplace_back(store::PutApplication{app});
    }
    for (size_t number = 0; number < kEndpoints; ++number) {
      model::Endpoint endpoint;
      endpoint.id = EndpointId{next_id()};
      endpoint.app = apps_[number % apps];
      endpoint.uid = "endpoint-" + std::to_string(number);
      endpoint.url = "https://example.com/hooks/" + std::to_string(number);
      endpoint.event_types = {"invoice.paid"};
      store::SecretRow row;
      row.endpoint = endpoint.id;
      box.seal(row, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
      changes.emplace_back(store::PutEndpoint{std::move(endpoint)});
      changes.emplace_back(store::PutSecret{std::move(row)});
      if (changes.size() < kRowsPerChange && number + 1 < kEndpoints) continue;
      CHECK(store.apply(changes).ok());
      changes.clear();
    }
  }

  // Growing, as the ids of the catalog are.
  IdBytes next_id() {
    IdBytes id;
    host_->entropy().fill(id.raw);
    id.set_time(WallTime{1'700'000'000'000'000 + static_cast<int64_t>(++ids_) * 4000});
    return id;
  }

  const std::unique_ptr<io::Host> host_ = io::make_linux_host();
  std::string folder_;
  std::vector<AppId> apps_;
  uint64_t ids_ = 0;
  uint64_t made_ = 0;
  double open_ms_ = 0;
  std::unique_ptr<Catalog> catalog_;
  std::array<std::unique_ptr<io::Loop>, 2> loops_;
  std::array<std::thread, 2> threads_;
};

void create_the_100000th_endpoint(benchmark::State& state) {
  Fixture fixture(static_cast<size_t>(state.range(0)));
  std::vector<double> times_ms;
  size_t at = 0;
  for (auto _ : state) {
    const MonoTime start = fixture.now();
    fixture.create(fixture.app(at++ * 7919));
    const std::chrono::duration<double, std::milli> took = fixture.now() - start;
    state.SetIterationTime(took.count() / 1e3);
    times_ms.push_back(took.count());
  }
  std::sort(times_ms.begin(), times_ms.end());
  state.counters["p50_ms"] = times_ms[times_ms.size() / 2];
  state.counters["p99_ms"] = times_ms[times_ms.size() * 99 / 100];
  state.counters["max_ms"] = times_ms.back();
  state.counters["open_ms"] = fixture.open_ms();
}
BENCHMARK(create_the_100000th_endpoint)
    ->Arg(1)
    ->Arg(10'000)
    ->Iterations(1000)
    ->UseManualTime()
    ->Unit(benchmark::kMillisecond);

void find_by_id_and_uid(benchmark::State& state) {
  Fixture fixture(10'000);
  const SnapshotRef snapshot = fixture.snapshot();
  const OrganizationId organization = default_organization();
  size_t at = 0;
  for (auto _ : state) {
    const AppRef found = snapshot->find_app(organization, fixture.app(at++).text());
    benchmark::DoNotOptimize(snapshot->find_app(organization, found->app.uid));
  }
}
BENCHMARK(find_by_id_and_uid);

}  // namespace
}  // namespace posthorn::catalog

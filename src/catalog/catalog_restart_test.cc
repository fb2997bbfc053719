// The catalog over SQLite on a simulated machine: what was answered is there after a power cut,
// and no secret lies on the disk in clear.
#include <gtest/gtest.h>

#include "catalog/catalog.h"
#include "catalog/secret_box.h"
#include "io/sim/world.h"

namespace posthorn::catalog {
namespace {

using io::sim::PowerCut;
using io::sim::World;
using std::chrono::seconds;

constexpr const char* kKeyPath = "/secret.key";
constexpr const char* kStorePath = "/config.db";

std::unique_ptr<Catalog> open_catalog(World& world) {
  auto store = store::open_config_store(world, "sqlite", kStorePath);
  CHECK(store.ok(), "{}", store.error().message);
  auto box = open_secret_box(world, *store.value(), kKeyPath);
  CHECK(box.ok(), "{}", box.error().message);
  auto catalog =
      Catalog::open(world, std::move(store).value(), std::move(box).value(), CatalogOptions{});
  CHECK(catalog.ok(), "{}", catalog.error().message);
  return std::move(catalog).value();
}

// Runs the world until `answer` is set.
template <typename T>
T wait_for(World& world, std::optional<T>& answer) {
  CHECK(world.run_until([&] { return answer.has_value(); }, seconds(10)), "no answer");
  return std::move(*answer);
}

AppRef make_app(World& world, Catalog& catalog, io::Loop& loop, std::string uid) {
  ApplicationSpec spec;
  spec.name = "an app";
  spec.uid = std::move(uid);
  spec.metadata = {{"k", "v"}};
  std::optional<Result<Created<AppRef>>> answer;
  catalog.create_application(default_organization(), std::move(spec), loop,
                             [&](auto result) { answer = std::move(result); });
  auto made = wait_for(world, answer);
  CHECK(made.ok(), "{}", made.error().message);
  return made.value().value;
}

EndpointRef make_endpoint(World& world, Catalog& catalog, io::Loop& loop, const AppId& app) {
  EndpointSpec spec;
  spec.url = "https://example.com/hook";
  spec.event_types = {"a.made"};
  spec.headers = {{"X-Key", "value"}};
  std::optional<Result<EndpointRef>> answer;
  catalog.create_endpoint(app, std::move(spec), loop,
                          [&](auto result) { answer = std::move(result); });
  auto made = wait_for(world, answer);
  CHECK(made.ok(), "{}", made.error().message);
  return made.value();
}

TEST(CatalogRestart, KeepsWhatWasAnswered) {
  World world(1);
  const auto loop = world.make_loop();
  auto catalog = open_catalog(world);
  const AppRef app = make_app(world, *catalog, *loop, "acme");
  const EndpointRef made = make_endpoint(world, *catalog, *loop, app->app.id);
  const AppRef last = make_app(world, *catalog, *loop, "");
  const uint64_t version = catalog->snapshot()->version;
  catalog = nullptr;
  world.storage().reboot(PowerCut::kDrop);
  // A clock that has gone back must not make ids that sort before the old ones.
  world.clocks().set_wall(WallTime{1'500'000'000'000'000});

  catalog = open_catalog(world);
  const SnapshotRef snapshot = catalog->snapshot();
  EXPECT_EQ(snapshot->version, version);
  const AppRef found = snapshot->find_app(default_organization(), "acme");
  ASSERT_NE(found, nullptr);
  EXPECT_EQ(found->app.id, app->app.id);
  EXPECT_EQ(found->app.metadata, app->app.metadata);
  const EndpointRef endpoint = found->find_endpoint(made->id.text());
  ASSERT_NE(endpoint, nullptr);
  EXPECT_EQ(snapshot->endpoint(made->id), endpoint);
  ASSERT_EQ(endpoint->secrets.size(), 1u);
  EXPECT_EQ(endpoint->secrets[0].key, made->secrets[0].key);
  EXPECT_EQ(endpoint->headers, made->headers);
  EXPECT_EQ(endpoint->event_types, made->event_types);
  EXPECT_EQ(endpoint->created_at, made->created_at);
  EXPECT_GT(make_app(world, *catalog, *loop, "")->app.id, last->app.id);
}

TEST(CatalogRestart, WritesNoSecretInClear) {
  World world(1);
  const auto loop = world.make_loop();
  auto catalog = open_catalog(world);
  const AppRef app = make_app(world, *catalog, *loop, "acme");
  const EndpointRef made = make_endpoint(world, *catalog, *loop, app->app.id);
  const std::string secret = made->secrets[0].key.substr(std::string_view("whsec_").size());
  for (int round = 0; round < 2; ++round) {
    bool seen_url = false;
    const auto names = world.disk().list("/").value();
    for (const std::string& name : names) {
      const auto bytes = world.disk().read_file("/" + name, 1 << 24);
      ASSERT_TRUE(bytes.ok()) << name;
      EXPECT_EQ(bytes.value().find(secret), std::string::npos) << name;
      seen_url = seen_url || bytes.value().find(made->url) != std::string::npos;
    }
    EXPECT_TRUE(seen_url);
    catalog = nullptr;  // the second round looks at what the closing left
  }
}

TEST(CatalogRestart, TellsWhenAChangeMayNotBeDurable) {
  World world(1);
  const auto loop = world.make_loop();
  int fatal = 0;
  CatalogOptions options;
  options.on_fatal = [&] { ++fatal; };
  auto store = store::open_config_store(world, "sqlite", kStorePath).value();
  auto box = open_secret_box(world, *store, kKeyPath).value();
  auto catalog = Catalog::open(world, std::move(store), std::move(box), std::move(options)).value();
  world.storage().inject({.call = io::sim::DiskCall::kSync});
  const uint64_t version = catalog->snapshot()->version;
  std::optional<Result<Created<AppRef>>> answer;
  ApplicationSpec spec;
  spec.name = "an app";
  catalog->create_application(default_organization(), spec, *loop,
                              [&](auto result) { answer = std::move(result); });
  EXPECT_EQ(wait_for(world, answer).error().code, Errc::kUnknownOutcome);
  EXPECT_EQ(fatal, 1);
  EXPECT_EQ(catalog->snapshot()->version, version);
}

}  // namespace
}  // namespace posthorn::catalog

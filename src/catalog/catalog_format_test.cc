// The committed sample of the configuration, made by version 1, opens in every later build.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>

#include "catalog/catalog.h"
#include "catalog/secret_box.h"
#include "io/linux/host.h"

namespace posthorn::catalog {
namespace {

namespace fs = std::filesystem;
using store::ConfigChange;

constexpr std::string_view kHmac = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
constexpr std::string_view kEd25519 =
    "whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg==";

std::string sample_folder() {
  return std::string(POSTHORN_SOURCE_DIR) + "/tests/formats/v1/config";
}

model::Application sample_app() {
  model::Application app;
  app.id = *AppId::parse("app_2VwUkwJnH9gSYvMQHh9RmaFVXFN");
  app.organization = default_organization();
  app.uid = "acme";
  app.name = "Acme \"Ltd\" ünïcode";
  app.throttle_rate = 100;
  app.metadata = {{"plan", "gold"}, {"", "empty key"}};
  app.created_at = WallTime{1'700'000'000'000'001};
  app.updated_at = WallTime{1'700'000'000'000'002};
  return app;
}

model::Endpoint sample_endpoint() {
  model::Endpoint endpoint;
  endpoint.id = *EndpointId::parse("ep_2VwUl1wbnrvcQyxNCjdnnVCWyVC");
  endpoint.app = sample_app().id;
  endpoint.uid = "main";
  endpoint.url = "https://user:pass@example.com:8443/hooks?a=b";
  endpoint.description = "first\nsecond";
  endpoint.throttle_rate = 65535;
  endpoint.version = 7;
  endpoint.disabled = true;
  endpoint.event_types = {"invoice.paid", "invoice.voided"};
  endpoint.channels = {"eu", "us"};
  endpoint.headers = {{"X-Second", "2"}, {"X-First", "\"1\""}};
  endpoint.metadata = {{"k", "v"}};
  endpoint.created_at = WallTime{1'700'000'000'000'003};
  endpoint.updated_at = WallTime{1'700'000'000'000'004};
  return endpoint;
}

// Writes the sample where there is none. Never run on a released version's.
void write_sample(io::Host& host, const std::string& folder) {
  ASSERT_TRUE(host.disk().make_directory(folder).ok());
  auto store = store::open_config_store(host, "sqlite", folder + "/config.db").value();
  auto box = open_secret_box(host, *store, folder + "/secrets.key").value();
  model::Organization organization;
  organization.id = default_organization();
  organization.name = "default";
  std::vector<ConfigChange> changes = {store::PutOrganization{organization},
                                       store::PutApplication{sample_app()},
                                       store::PutEndpoint{sample_endpoint()}};
  uint32_t ordinal = 0;
  for (const std::string_view secret : {kHmac, kEd25519}) {
    store::SecretRow row;
    row.endpoint = sample_endpoint().id;
    row.ordinal = ordinal;
    row.expires_at = WallTime{ordinal == 0 ? 0 : 1'700'000'000'000'005};
    box->seal(row, secret);
    changes.emplace_back(store::PutSecret{row});
    ++ordinal;
  }
  changes.emplace_back(store::PutSetting{{"colour", "red"}});
  changes.emplace_back(store::PutOutbox{{0, "kind", "body"}});
  ASSERT_TRUE(store->apply(changes).ok());
}

TEST(CatalogFormat, OpensTheSampleOfVersionOne) {
  const auto host = io::make_linux_host();
  if (std::getenv("POSTHORN_WRITE_SAMPLES") != nullptr && !fs::exists(sample_folder())) {
    write_sample(*host, sample_folder());
  }
  std::string folder = testing::TempDir() + "posthorn-sample-XXXXXX";
  ASSERT_NE(::mkdtemp(folder.data()), nullptr);
  fs::copy(sample_folder(), folder, fs::copy_options::recursive);
  {
    auto store = store::open_config_store(*host, "sqlite", folder + "/config.db");
    ASSERT_TRUE(store.ok()) << store.error().message;
    const auto rows = store.value()->load();
    ASSERT_TRUE(rows.ok()) << rows.error().message;
    EXPECT_EQ(rows.value().settings.at(0).value, "red");
    EXPECT_EQ(rows.value().outbox.at(0).body, "body");
    auto box = open_secret_box(*host, *store.value(), folder + "/secrets.key");
    ASSERT_TRUE(box.ok()) << box.error().message;
    auto catalog = Catalog::open(*host, std::move(store).value(), std::move(box).value(), {});
    ASSERT_TRUE(catalog.ok()) << catalog.error().message;

    const SnapshotRef snapshot = catalog.value()->snapshot();
    const AppRef found = snapshot->find_app(default_organization(), "acme");
    ASSERT_NE(found, nullptr);
    const model::Application app = sample_app();
    EXPECT_EQ(found->app.id, app.id);
    EXPECT_EQ(found->app.name, app.name);
    EXPECT_EQ(found->app.throttle_rate, app.throttle_rate);
    EXPECT_EQ(found->app.metadata, app.metadata);
    EXPECT_EQ(found->app.created_at, app.created_at);
    EXPECT_EQ(found->app.updated_at, app.updated_at);
    const EndpointRef endpoint = found->find_endpoint("main");
    ASSERT_NE(endpoint, nullptr);
    const model::Endpoint expected = sample_endpoint();
    EXPECT_EQ(endpoint->id, expected.id);
    EXPECT_EQ(endpoint->url, expected.url);
    EXPECT_EQ(endpoint->description, expected.description);
    EXPECT_EQ(endpoint->throttle_rate, expected.throttle_rate);
    EXPECT_EQ(endpoint->version, expected.version);
    EXPECT_TRUE(endpoint->disabled);
    EXPECT_EQ(endpoint->event_types, expected.event_types);
    EXPECT_EQ(endpoint->channels, expected.channels);
    EXPECT_EQ(endpoint->headers, expected.headers);
    EXPECT_EQ(endpoint->metadata, expected.metadata);
    EXPECT_EQ(endpoint->created_at, expected.created_at);
    EXPECT_EQ(endpoint->updated_at, expected.updated_at);
    ASSERT_EQ(endpoint->secrets.size(), 2u);
    EXPECT_EQ(endpoint->secrets[0].key, kHmac);
    EXPECT_EQ(endpoint->secrets[1].key, kEd25519);
    EXPECT_EQ(endpoint->secrets[1].expires_at, WallTime{1'700'000'000'000'005});
  }
  fs::remove_all(folder);
}

}  // namespace
}  // namespace posthorn::catalog

#include "catalog/key_rotation.h"

#include <gtest/gtest.h>

#include "io/sim/world.h"

namespace posthorn::catalog {
namespace {

using io::sim::PowerCut;
using io::sim::World;

constexpr const char* kKeyPath = "/secret.key";
constexpr const char* kStorePath = "/config.db";
constexpr uint8_t kEndpoints = 8;
constexpr uint32_t kSecretsEach = 2;
constexpr size_t kSecrets = kEndpoints * kSecretsEach;

std::string plain_of(const store::SecretRow& row) {
  return fmt::format("whsec_{}_{}", row.endpoint.text(), row.ordinal);
}

struct Opened {
  std::unique_ptr<store::ConfigStore> store;
  std::unique_ptr<SecretBox> box;
};

Opened open_all(World& world) {
  auto store = store::open_config_store(world, "sqlite", kStorePath);
  CHECK(store.ok(), "{}", store.error().message);
  auto box = open_secret_box(world, *store.value(), kKeyPath);
  CHECK(box.ok(), "{}", box.error().message);
  return {std::move(store).value(), std::move(box).value()};
}

void fill(World& world) {
  const Opened opened = open_all(world);
  model::Organization organization;
  model::Application app;
  std::vector<store::ConfigChange> changes = {store::PutOrganization{organization},
                                              store::PutApplication{app}};
  for (uint8_t number = 1; number <= kEndpoints; ++number) {
    model::Endpoint endpoint;
    endpoint.id.bytes.raw.fill(number);
    changes.emplace_back(store::PutEndpoint{endpoint});
    for (uint32_t ordinal = 0; ordinal < kSecretsEach; ++ordinal) {
      store::SecretRow row;
      row.endpoint = endpoint.id;
      row.ordinal = ordinal;
      opened.box->seal(row, plain_of(row));
      changes.emplace_back(store::PutSecret{row});
    }
  }
  ASSERT_TRUE(opened.store->apply(changes).ok());
}

// Every secret is there and opens; how many are sealed under `version`.
size_t check_secrets(const Opened& opened, uint32_t version) {
  auto rows = opened.store->load();
  EXPECT_TRUE(rows.ok());
  EXPECT_EQ(rows.value().secrets.size(), kSecrets);
  size_t current = 0;
  for (const store::SecretRow& row : rows.value().secrets) {
    auto plain = opened.box->open(row);
    EXPECT_TRUE(plain.ok()) << plain.error().message;
    if (plain.ok()) {
      EXPECT_EQ(plain.value(), plain_of(row));
    }
    if (row.key_version == version) ++current;
  }
  return current;
}

size_t key_files(World& world) {
  const auto names = world.disk().list("/").value();
  return static_cast<size_t>(std::count_if(names.begin(), names.end(), [](const auto& name) {
    return name.starts_with("secret.key") && !name.ends_with(".new");
  }));
}

TEST(KeyRotation, SealsEverythingUnderANewKey) {
  World world(1);
  fill(world);
  {
    const Opened opened = open_all(world);
    const auto report = rotate_keys(*opened.store, *opened.box, {.batch = 3});
    ASSERT_TRUE(report.ok()) << report.error().message;
    EXPECT_EQ(report.value().key_version, 2u);
    EXPECT_EQ(report.value().sealed, kSecrets);
    EXPECT_FALSE(report.value().resumed);
  }
  // The old key may be removed by hand.
  ASSERT_TRUE(world.disk().remove(kKeyPath).ok());
  EXPECT_EQ(check_secrets(open_all(world), 2), kSecrets);
}

TEST(KeyRotation, RemovesTheOldKeysWhenAsked) {
  World world(1);
  fill(world);
  const Opened opened = open_all(world);
  ASSERT_TRUE(rotate_keys(*opened.store, *opened.box, {}).ok());
  EXPECT_EQ(key_files(world), 2u);
  ASSERT_TRUE(rotate_keys(*opened.store, *opened.box, {.remove_old = true}).ok());
  EXPECT_EQ(key_files(world), 1u);
  EXPECT_EQ(check_secrets(opened, 3), kSecrets);
}

TEST(KeyRotation, StopsAtASecretThatDoesNotOpenAndLosesNothing) {
  World world(1);
  fill(world);
  const Opened opened = open_all(world);
  store::SecretRow bad = opened.store->load().value().secrets.back();
  const store::SecretRow good = bad;
  bad.sealed.back() = static_cast<char>(bad.sealed.back() ^ 1);
  ASSERT_TRUE(opened.store->apply({store::PutSecret{bad}}).ok());
  const auto report = rotate_keys(*opened.store, *opened.box, {.batch = 3, .remove_old = true});
  EXPECT_EQ(report.error().code, Errc::kCorrupt);
  EXPECT_EQ(key_files(world), 2u);
  ASSERT_TRUE(opened.store->apply({store::PutSecret{good}}).ok());
  const auto again = rotate_keys(*opened.store, *opened.box, {.batch = 3});
  EXPECT_TRUE(again.value().resumed);
  EXPECT_EQ(check_secrets(opened, 2), kSecrets);
}

// Killed after every call that changes the disk, with the power gone too, and run again.
TEST(KeyRotation, GoesOnWhereItWasCut) {
  constexpr RotationOptions kOptions{.batch = 3, .remove_old = true};
  int resumed = 0;
  for (uint64_t cut = 0;; ++cut) {
    SCOPED_TRACE(testing::Message() << "power cut after " << cut << " calls");
    World world(cut);
    fill(world);
    bool done = false;
    {
      const Opened opened = open_all(world);
      world.storage().cut_power_after(cut);
      done = rotate_keys(*opened.store, *opened.box, kOptions).ok() && world.storage().powered();
    }
    world.storage().reboot(PowerCut::kTear);
    Opened opened = open_all(world);
    check_secrets(opened, 0);
    const auto again = rotate_keys(*opened.store, *opened.box, kOptions);
    ASSERT_TRUE(again.ok()) << again.error().message;
    if (again.value().resumed) {
      ++resumed;
      EXPECT_EQ(again.value().key_version, 2u) << "an unfinished rotation needs no third key";
    }
    EXPECT_EQ(key_files(world), 1u);
    opened = {};
    EXPECT_EQ(check_secrets(open_all(world), again.value().key_version), kSecrets);
    if (done || testing::Test::HasFailure()) break;
  }
  EXPECT_GT(resumed, 50);
}

}  // namespace
}  // namespace posthorn::catalog

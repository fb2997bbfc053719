#include "store/conformance/config_store_suite.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "store/engines/memory/config_memory.h"

namespace posthorn::store {
namespace {

template <typename IdType>
IdType id_of(uint8_t number) {
  IdType id;
  id.bytes.raw.fill(number);
  return id;
}

model::Organization organization(uint8_t number) {
  model::Organization row;
  row.id = id_of<OrganizationId>(number);
  row.name = fmt::format("organization {}", number);
  row.created_at = WallTime{1'700'000'000'000'001};
  row.updated_at = WallTime{1'700'000'000'000'002};
  return row;
}

model::Application application(uint8_t number, std::string uid = "", uint8_t parent = 1) {
  model::Application row;
  row.id = id_of<AppId>(number);
  row.organization = id_of<OrganizationId>(parent);
  row.uid = std::move(uid);
  row.name = fmt::format("application {}", number);
  row.created_at = row.updated_at = WallTime{number};
  return row;
}

model::Endpoint endpoint(uint8_t number, std::string uid = "", uint8_t parent = 1) {
  model::Endpoint row;
  row.id = id_of<EndpointId>(number);
  row.app = id_of<AppId>(parent);
  row.uid = std::move(uid);
  row.url = fmt::format("https://example.com/{}", number);
  row.created_at = row.updated_at = WallTime{number};
  return row;
}

SecretRow secret(uint8_t parent, uint32_t ordinal, uint32_t key_version, std::string sealed) {
  return SecretRow{id_of<EndpointId>(parent), ordinal, key_version, std::move(sealed),
                   WallTime{ordinal * 1000}};
}

// Organization 1 with application 1.
std::vector<ConfigChange> base_rows() {
  return {PutOrganization{organization(1)}, PutApplication{application(1)}};
}

std::string load_text(ConfigStore& store) {
  auto rows = store.load();
  EXPECT_TRUE(rows.ok()) << (rows.ok() ? "" : rows.error().message);
  return rows.ok() ? describe(rows.value()) : std::string();
}

ConfigRows load_rows(ConfigStore& store) {
  auto rows = store.load();
  EXPECT_TRUE(rows.ok()) << (rows.ok() ? "" : rows.error().message);
  return rows.ok() ? std::move(rows).value() : ConfigRows{};
}

void expect_ok(const Result<uint64_t>& applied) {
  EXPECT_TRUE(applied.ok()) << (applied.ok() ? "" : applied.error().message);
}

// Refused as a conflict, with nothing changed.
void expect_conflict(ConfigStore& store, const std::vector<ConfigChange>& changes) {
  const std::string before = load_text(store);
  const auto applied = store.apply(changes);
  ASSERT_FALSE(applied.ok());
  EXPECT_EQ(applied.error().code, Errc::kConflict) << applied.error().message;
  EXPECT_EQ(load_text(store), before);
}

void starts_empty(ConfigStoreUnderTest& under) {
  const auto store = under.open();
  EXPECT_EQ(load_text(*store), describe(ConfigRows{}));
}

void counts_its_versions(ConfigStoreUnderTest& under) {
  const auto store = under.open();
  EXPECT_EQ(store->apply({PutOrganization{organization(1)}}).value(), 1u);
  EXPECT_EQ(store->apply({}).value(), 2u);
  EXPECT_EQ(store->apply(base_rows()).value(), 3u);
  EXPECT_EQ(load_rows(*store).version, 3u);
}

void keeps_every_field(ConfigStoreUnderTest& under) {
  auto store = under.open();
  model::Application app = application(1, "app-uid");
  app.throttle_rate = 65535;
  app.metadata = {{"", "empty key"}, {"quote \" and \\", "línea\n\t中"}};
  model::Endpoint full = endpoint(1, "endpoint-uid");
  full.description = "says 'hello'; DROP TABLE endpoint; --";
  full.throttle_rate = 1;
  full.version = 4'000'000'000;
  full.disabled = true;
  full.event_types = {"a.made", "b.made"};
  full.channels = {"red:1", "tall+wide"};
  full.headers = {{"X-Second", "2"}, {"X-First", ""}};
  full.metadata = {{"k", "v"}};
  full.created_at = WallTime{-1};
  full.updated_at = WallTime{INT64_MAX};
  model::Endpoint bare = endpoint(2);
  bare.created_at = WallTime{};
  std::string all_bytes;
  for (int byte = 0; byte < 256; ++byte) all_bytes.push_back(static_cast<char>(byte));
  expect_ok(store->apply({PutOrganization{organization(1)}, PutApplication{app}, PutEndpoint{full},
                          PutEndpoint{bare},
                          PutSecrets{full.id, {secret(1, 0, 7, all_bytes), secret(1, 1, 6, "")}},
                          PutSetting{{"name", "value"}}, PutOutbox{{0, "kind", "body"}}}));
  ConfigRows expected;
  expected.version = 1;
  expected.organizations = {organization(1)};
  expected.applications = {app};
  expected.endpoints = {full, bare};
  expected.secrets = {secret(1, 0, 7, all_bytes), secret(1, 1, 6, "")};
  expected.settings = {{"name", "value"}};
  expected.outbox = {{1, "kind", "body"}};
  EXPECT_EQ(load_text(*store), describe(expected));
  if (!under.keeps()) return;
  store = nullptr;
  store = under.open();
  EXPECT_EQ(load_text(*store), describe(expected));
}

void replaces_rows(ConfigStoreUnderTest& under) {
  const auto store = under.open();
  expect_ok(store->apply(base_rows()));
  expect_ok(store->apply(
      {PutEndpoint{endpoint(1, "old")}, PutSecrets{id_of<EndpointId>(1), {secret(1, 0, 1, "s")}}}));
  model::Endpoint changed = endpoint(1, "new");
  changed.url = "http://other.example";
  expect_ok(store->apply({PutEndpoint{changed}, PutSetting{{"s", "1"}}}));
  expect_ok(store->apply({PutSetting{{"s", "2"}}}));
  const ConfigRows rows = load_rows(*store);
  ASSERT_EQ(rows.endpoints.size(), 1u);
  EXPECT_EQ(rows.endpoints[0].url, "http://other.example");
  EXPECT_EQ(rows.secrets.size(), 1u) << "an updated endpoint keeps its secrets";
  ASSERT_EQ(rows.settings.size(), 1u);
  EXPECT_EQ(rows.settings[0].value, "2");
  // The old uid is free, the new one taken.
  expect_ok(store->apply({PutEndpoint{endpoint(2, "old")}}));
  expect_conflict(*store, {PutEndpoint{endpoint(3, "new")}});
}

void refuses_taken_uids(ConfigStoreUnderTest& under) {
  const auto store = under.open();
  expect_ok(store->apply(base_rows()));
  expect_ok(store->apply({PutOrganization{organization(2)}, PutApplication{application(2, "u")},
                          PutEndpoint{endpoint(1, "e")}}));
  expect_conflict(*store, {PutApplication{application(3, "u")}});
  expect_conflict(*store, {PutEndpoint{endpoint(2, "e")}});
  // Also when rows before it in the same change were good.
  expect_conflict(*store,
                  {PutSetting{{"s", "1"}}, PutOutbox{{0, "k", "b"}},
                   DeleteEndpoint{id_of<EndpointId>(1)}, PutApplication{application(3, "u")}});
  // Elsewhere, and without one, it is no conflict.
  expect_ok(store->apply({PutApplication{application(4, "u", 2)}, PutApplication{application(5)},
                          PutApplication{application(6)}, PutEndpoint{endpoint(4, "e", 2)},
                          PutEndpoint{endpoint(5)}, PutEndpoint{endpoint(6)}}));
}

void refuses_missing_parents(ConfigStoreUnderTest& under) {
  const auto store = under.open();
  expect_conflict(*store, {PutApplication{application(1)}});
  expect_ok(store->apply(base_rows()));
  expect_conflict(*store, {PutEndpoint{endpoint(1, "", 9)}});
  expect_conflict(*store, {PutSecrets{id_of<EndpointId>(9), {secret(9, 0, 1, "s")}}});
}

void deletes_with_children(ConfigStoreUnderTest& under) {
  const auto store = under.open();
  expect_ok(store->apply(base_rows()));
  expect_ok(store->apply({PutApplication{application(2, "u")}, PutEndpoint{endpoint(1, "a", 2)},
                          PutEndpoint{endpoint(2, "b", 2)}, PutEndpoint{endpoint(3, "c", 1)},
                          PutSecrets{id_of<EndpointId>(1), {secret(1, 0, 1, "s")}},
                          PutSecrets{id_of<EndpointId>(3), {secret(3, 0, 1, "s")}}}));
  expect_ok(store->apply({DeleteApplication{id_of<AppId>(2)}}));
  const ConfigRows rows = load_rows(*store);
  ASSERT_EQ(rows.endpoints.size(), 1u);
  EXPECT_EQ(rows.endpoints[0].uid, "c");
  ASSERT_EQ(rows.secrets.size(), 1u);
  expect_ok(store->apply({DeleteEndpoint{id_of<EndpointId>(3)}}));
  EXPECT_TRUE(load_rows(*store).secrets.empty());
  // What is gone can be deleted again, and its uid used.
  expect_ok(store->apply({DeleteApplication{id_of<AppId>(2)}, DeleteEndpoint{id_of<EndpointId>(3)},
                          PutApplication{application(7, "u")}}));
}

void replaces_all_secrets(ConfigStoreUnderTest& under) {
  const auto store = under.open();
  expect_ok(store->apply(base_rows()));
  expect_ok(store->apply(
      {PutEndpoint{endpoint(1)},
       PutSecrets{id_of<EndpointId>(1), {secret(1, 0, 1, "new"), secret(1, 1, 1, "old")}}}));
  expect_ok(store->apply({PutSecrets{id_of<EndpointId>(1), {secret(1, 0, 2, "newest")}}}));
  const ConfigRows rows = load_rows(*store);
  ASSERT_EQ(rows.secrets.size(), 1u);
  EXPECT_EQ(rows.secrets[0].sealed, "newest");
  expect_conflict(*store,
                  {PutSecrets{id_of<EndpointId>(1), {secret(1, 0, 1, "a"), secret(1, 0, 1, "b")}}});
  expect_conflict(*store, {PutSecrets{id_of<EndpointId>(1), {secret(2, 0, 1, "a")}}});
}

void replaces_one_secret(ConfigStoreUnderTest& under) {
  const auto store = under.open();
  expect_ok(store->apply(base_rows()));
  expect_ok(store->apply(
      {PutEndpoint{endpoint(1)},
       PutSecrets{id_of<EndpointId>(1), {secret(1, 0, 1, "new"), secret(1, 1, 1, "old")}}}));
  expect_ok(store->apply({PutSecret{secret(1, 1, 2, "changed")}, PutSecret{secret(1, 2, 2, "x")}}));
  const ConfigRows rows = load_rows(*store);
  ASSERT_EQ(rows.secrets.size(), 3u);
  EXPECT_EQ(rows.secrets[0].sealed, "new");
  EXPECT_EQ(rows.secrets[1].sealed, "changed");
  EXPECT_EQ(rows.secrets[1].key_version, 2u);
  expect_conflict(*store, {PutSecret{secret(9, 0, 1, "s")}});
}

void numbers_the_outbox(ConfigStoreUnderTest& under) {
  auto store = under.open();
  expect_ok(store->apply({PutOutbox{{0, "k", "one"}}, PutOutbox{{0, "k", "two"}}}));
  expect_ok(store->apply({DeleteOutbox{1}, DeleteOutbox{2}}));
  if (under.keeps()) {
    store = nullptr;
    store = under.open();
  }
  expect_ok(store->apply({PutOutbox{{0, "k", "three"}}}));
  const ConfigRows rows = load_rows(*store);
  ASSERT_EQ(rows.outbox.size(), 1u);
  EXPECT_EQ(rows.outbox[0].number, 3u) << "a number is never used twice";
}

void finds_secrets_of_other_keys(ConfigStoreUnderTest& under) {
  const auto store = under.open();
  expect_ok(store->apply(base_rows()));
  for (uint8_t number = 1; number <= 9; ++number) {
    const uint32_t version = number % 3 + 1;
    expect_ok(
        store->apply({PutEndpoint{endpoint(number)},
                      PutSecrets{id_of<EndpointId>(number), {secret(number, 0, version, "s")}}}));
  }
  EXPECT_EQ(store->secrets_not_at(4, 100).value().size(), 9u);
  EXPECT_EQ(store->secrets_not_at(4, 5).value().size(), 5u);
  const auto others = store->secrets_not_at(2, 100).value();
  EXPECT_EQ(others.size(), 6u);
  for (const SecretRow& row : others) EXPECT_NE(row.key_version, 2u);
}

void agrees_with_the_memory_engine(ConfigStoreUnderTest& under) {
  constexpr int kSteps = 400;
  auto store = under.open();
  const auto reference = make_memory_config_store();
  ConfigChangeMaker maker(20);
  int refused = 0;
  for (int step = 0; step < kSteps; ++step) {
    const auto changes = maker.next();
    const auto expected = reference->apply(changes);
    const auto applied = store->apply(changes);
    ASSERT_EQ(applied.ok(), expected.ok()) << "step " << step;
    if (!expected.ok()) {
      ++refused;
      ASSERT_EQ(applied.error().code, expected.error().code) << "step " << step;
    }
    if (step % 50 == 0 && under.keeps()) {
      store = nullptr;
      store = under.open();
    }
    if (step % 10 == 0) {
      ASSERT_EQ(load_text(*store), load_text(*reference)) << "step " << step;
    }
  }
  EXPECT_EQ(load_text(*store), load_text(*reference));
  EXPECT_GT(refused, kSteps / 20);
  EXPECT_LT(refused, kSteps * 3 / 4);
}

std::string text_of(const model::Metadata& map) {
  std::string out;
  for (const auto& [key, value] : map) out += fmt::format("{:?}={:?},", key, value);
  return out;
}

std::string text_of(const std::vector<std::string>& list) {
  return fmt::format("{}", fmt::join(list, ","));
}

// Long text by its beginning, size and hash, so that a difference can be read.
std::string shortened(const std::string& text) {
  constexpr size_t kShown = 40;
  if (text.size() <= kShown) return text;
  return fmt::format("{}… {} bytes, hash {:x}", text.substr(0, kShown), text.size(),
                     std::hash<std::string>{}(text));
}

template <typename Row, typename Key>
std::vector<Row> sorted(std::vector<Row> rows, Key key) {
  std::sort(rows.begin(), rows.end(), [&](const Row& a, const Row& b) { return key(a) < key(b); });
  return rows;
}

int rate_of(const std::optional<uint16_t>& rate) { return rate ? *rate : -1; }

}  // namespace

std::string describe(const ConfigRows& rows) {
  std::string out = fmt::format("version {}\n", rows.version);
  const auto line = [&](auto&&... parts) {
    ((out += fmt::format("{}|", parts)), ...);
    out += '\n';
  };
  const auto by_id = [](const auto& row) { return row.id; };
  for (const auto& row : sorted(rows.organizations, by_id)) {
    line("organization", row.id.text(), row.name, row.created_at.us, row.updated_at.us);
  }
  for (const auto& row : sorted(rows.applications, by_id)) {
    line("application", row.id.text(), row.organization.text(), row.uid, row.name,
         rate_of(row.throttle_rate), text_of(row.metadata), row.created_at.us, row.updated_at.us);
  }
  for (const auto& row : sorted(rows.endpoints, by_id)) {
    std::string headers;
    for (const auto& header : row.headers) headers += header.name + ":" + header.value + ",";
    line("endpoint", row.id.text(), row.app.text(), row.uid, row.url, shortened(row.description),
         rate_of(row.throttle_rate), row.version, row.disabled, text_of(row.event_types),
         text_of(row.channels), headers, text_of(row.metadata), row.secrets.size(),
         row.created_at.us, row.updated_at.us);
  }
  const auto by_place = [](const SecretRow& row) { return std::pair(row.endpoint, row.ordinal); };
  for (const auto& row : sorted(rows.secrets, by_place)) {
    line("secret", row.endpoint.text(), row.ordinal, row.key_version, row.sealed,
         row.expires_at.us);
  }
  for (const auto& row : sorted(rows.settings, [](const auto& r) { return r.name; })) {
    line("setting", row.name, row.value);
  }
  for (const auto& row : sorted(rows.outbox, [](const auto& r) { return r.number; })) {
    line("outbox", row.number, row.kind, row.body);
  }
  return out;
}

std::vector<ConfigChange> ConfigChangeMaker::next() {
  std::vector<ConfigChange> changes;
  const uint64_t count = 1 + rng_.below(4);
  for (uint64_t at = 0; at < count; ++at) changes.push_back(one());
  return changes;
}

ConfigChange ConfigChangeMaker::one() {
  constexpr uint64_t kIds = 12;
  constexpr uint64_t kUids = 6;
  const auto id = static_cast<uint8_t>(1 + rng_.below(kIds));
  const auto parent = static_cast<uint8_t>(1 + rng_.below(3));
  const uint64_t uid = rng_.below(kUids * 3);
  const std::string uid_text = uid < kUids ? fmt::format("uid{}", uid) : std::string();
  switch (rng_.below(13)) {
    case 0:
      return PutOrganization{organization(parent)};
    case 1:
    case 2:
      return PutApplication{application(id, uid_text, parent)};
    case 3:
      return DeleteApplication{id_of<AppId>(id)};
    case 4:
    case 5:
    case 6: {
      model::Endpoint row = endpoint(id, uid_text, static_cast<uint8_t>(1 + rng_.below(kIds)));
      row.disabled = rng_.below(2) == 0;
      row.description = std::string(rng_.below(5000), 'd');  // some rows take several pages
      return PutEndpoint{std::move(row)};
    }
    case 7:
      return DeleteEndpoint{id_of<EndpointId>(id)};
    case 8: {
      PutSecrets put{id_of<EndpointId>(id), {}};
      const auto count = static_cast<uint32_t>(rng_.below(3));
      const auto version = static_cast<uint32_t>(1 + rng_.below(3));
      for (uint32_t ordinal = 0; ordinal < count; ++ordinal) {
        put.rows.push_back(secret(id, ordinal, version, fmt::format("sealed{}", rng_.next())));
      }
      return put;
    }
    case 9:
      return PutSetting{{fmt::format("setting{}", id), fmt::format("{}", rng_.next())}};
    case 10:
      return PutSecret{secret(id, static_cast<uint32_t>(rng_.below(3)), 9, "one")};
    case 11:
      return PutOutbox{{0, "kind", fmt::format("{}", rng_.next())}};
    default:
      return DeleteOutbox{1 + rng_.below(30)};
  }
}

const std::vector<ConfigStoreCase>& config_store_cases() {
  static const std::vector<ConfigStoreCase> kCases = {
      {"StartsEmpty", starts_empty},
      {"CountsItsVersions", counts_its_versions},
      {"KeepsEveryField", keeps_every_field},
      {"ReplacesRows", replaces_rows},
      {"RefusesTakenUids", refuses_taken_uids},
      {"RefusesMissingParents", refuses_missing_parents},
      {"DeletesWithChildren", deletes_with_children},
      {"ReplacesAllSecrets", replaces_all_secrets},
      {"ReplacesOneSecret", replaces_one_secret},
      {"NumbersTheOutbox", numbers_the_outbox},
      {"FindsSecretsOfOtherKeys", finds_secrets_of_other_keys},
      {"AgreesWithTheMemoryEngine", agrees_with_the_memory_engine},
  };
  return kCases;
}

}  // namespace posthorn::store

// The tables, step by step, and the taking of steps. Formats: docs/formats/config.md.
#include "store/engines/sqlite/schema.h"

#include <fmt/format.h>

#include <array>

namespace posthorn::store::sqlite {
namespace {

// Step N (from 1) brings version N-1 to N. A step that has been released is never edited. Only
// SQL that PostgreSQL takes too; lists and maps are JSON text, sealed bytes are hexadecimal.
constexpr std::array<std::string_view, 1> kSteps = {R"sql(
CREATE TABLE config_counter (
  name TEXT PRIMARY KEY NOT NULL,
  value BIGINT NOT NULL
);
INSERT INTO config_counter (name, value) VALUES ('version', 0), ('outbox', 0);
CREATE TABLE organization (
  id TEXT PRIMARY KEY NOT NULL,
  name TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL
);
CREATE TABLE application (
  id TEXT PRIMARY KEY NOT NULL,
  organization TEXT NOT NULL REFERENCES organization (id),
  uid TEXT,
  name TEXT NOT NULL,
  throttle_rate INTEGER,
  metadata TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL,
  UNIQUE (organization, uid)
);
CREATE TABLE endpoint (
  id TEXT PRIMARY KEY NOT NULL,
  app TEXT NOT NULL REFERENCES application (id) ON DELETE CASCADE,
  uid TEXT,
  url TEXT NOT NULL,
  description TEXT NOT NULL,
  throttle_rate INTEGER,
  version BIGINT NOT NULL,
  disabled INTEGER NOT NULL,
  event_types TEXT NOT NULL,
  channels TEXT NOT NULL,
  headers TEXT NOT NULL,
  metadata TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL,
  UNIQUE (app, uid)
);
CREATE TABLE endpoint_secret (
  endpoint TEXT NOT NULL REFERENCES endpoint (id) ON DELETE CASCADE,
  ordinal BIGINT NOT NULL,
  key_version BIGINT NOT NULL,
  sealed TEXT NOT NULL,
  expires_at BIGINT NOT NULL,
  PRIMARY KEY (endpoint, ordinal)
);
CREATE INDEX endpoint_secret_by_key ON endpoint_secret (key_version);
CREATE TABLE setting (
  name TEXT PRIMARY KEY NOT NULL,
  value TEXT NOT NULL
);
CREATE TABLE outbox (
  number BIGINT PRIMARY KEY NOT NULL,
  kind TEXT NOT NULL,
  body TEXT NOT NULL
);
)sql"};

// The one place that asks SQLite for its own tables.
Result<bool> has_table(Database& database, std::string_view condition) {
  PH_ASSIGN(Statement find,
            database.prepare(
                fmt::format("SELECT 1 FROM sqlite_master WHERE type = 'table' AND {}", condition)));
  return find.step();
}

Result<int64_t> version_of(Database& database) {
  PH_ASSIGN(const bool known, has_table(database, "name = 'schema_version'"));
  if (!known) {
    PH_ASSIGN(const bool other, has_table(database, "name NOT LIKE 'sqlite_%'"));
    if (other)
      return error(Errc::kCorrupt, "this database is not one of ours; it has other tables");
    return 0;
  }
  PH_ASSIGN(Statement read, database.prepare("SELECT MAX(version) FROM schema_version"));
  PH_ASSIGN(const bool there, read.step());
  if (!there || read.null_at(0)) return error(Errc::kCorrupt, "schema_version is empty");
  return read.integer_at(0);
}

Status take_step(Database& database, int64_t version, std::string_view sql) {
  PH_ASSIGN(Transaction transaction, Transaction::begin(database));
  if (version == 1) {
    PH_TRY(database.execute("CREATE TABLE schema_version (version BIGINT PRIMARY KEY NOT NULL)"));
  }
  PH_TRY(database.execute(std::string(sql)));
  PH_TRY(
      database.execute(fmt::format("INSERT INTO schema_version (version) VALUES ({})", version)));
  return transaction.commit();
}

}  // namespace

std::span<const std::string_view> schema_steps() { return kSteps; }

Status migrate(Database& database) { return migrate(database, schema_steps()); }

Status migrate(Database& database, std::span<const std::string_view> steps) {
  const auto newest = static_cast<int64_t>(steps.size());
  PH_ASSIGN(const int64_t found, version_of(database));
  if (found > newest) {
    return error(Errc::kUnsupported,
                 fmt::format("the configuration has version {}, this program knows up to {}; use a "
                             "newer one",
                             found, newest));
  }
  for (int64_t version = found + 1; version <= newest; ++version) {
    PH_TRY(take_step(database, version, steps[static_cast<size_t>(version - 1)])
               .context(fmt::format("migration {}", version)));
  }
  return {};
}

}  // namespace posthorn::store::sqlite

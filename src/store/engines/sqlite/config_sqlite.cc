// The statements over the tables of schema.cc, rows into values and back. Called on the thread of
// the catalog; never decides what is allowed, the tables and the catalog do.
#include "store/engines/sqlite/config_sqlite.h"

#include <fmt/format.h>

#include "store/engines/sqlite/columns.h"
#include "store/engines/sqlite/database.h"
#include "store/engines/sqlite/schema.h"

namespace posthorn::store {
namespace {

using sqlite::Database;
using sqlite::Statement;
using sqlite::Transaction;

// The statements that change rows, prepared once.
struct Statements {
  Statement put_organization;
  Statement put_application;
  Statement delete_application;
  Statement put_endpoint;
  Statement delete_endpoint;
  Statement delete_secrets;
  Statement add_secret;
  Statement put_secret;
  Statement put_setting;
  Statement put_outbox;
  Statement delete_outbox;
  Statement count_up;
  Statement counter;
  Statement secrets_not_at;

  static Result<Statements> prepare(Database& database);
};

Result<Statements> Statements::prepare(Database& db) {
  PH_ASSIGN(auto put_organization,
            db.prepare("INSERT INTO organization (id, name, created_at, updated_at) "
                       "VALUES (?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET "
                       "name = excluded.name, created_at = excluded.created_at, "
                       "updated_at = excluded.updated_at"));
  PH_ASSIGN(auto put_application,
            db.prepare("INSERT INTO application (id, organization, uid, name, throttle_rate, "
                       "metadata, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?) "
                       "ON CONFLICT (id) DO UPDATE SET organization = excluded.organization, "
                       "uid = excluded.uid, name = excluded.name, "
                       "throttle_rate = excluded.throttle_rate, metadata = excluded.metadata, "
                       "created_at = excluded.created_at, updated_at = excluded.updated_at"));
  PH_ASSIGN(auto delete_application, db.prepare("DELETE FROM application WHERE id = ?"));
  PH_ASSIGN(auto put_endpoint,
            db.prepare("INSERT INTO endpoint (id, app, uid, url, description, throttle_rate, "
                       "version, disabled, event_types, channels, headers, metadata, created_at, "
                       "updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "
                       "ON CONFLICT (id) DO UPDATE SET app = excluded.app, uid = excluded.uid, "
                       "url = excluded.url, description = excluded.description, "
                       "throttle_rate = excluded.throttle_rate, version = excluded.version, "
                       "disabled = excluded.disabled, event_types = excluded.event_types, "
                       "channels = excluded.channels, headers = excluded.headers, "
                       "metadata = excluded.metadata, created_at = excluded.created_at, "
                       "updated_at = excluded.updated_at"));
  PH_ASSIGN(auto delete_endpoint, db.prepare("DELETE FROM endpoint WHERE id = ?"));
  PH_ASSIGN(auto delete_secrets, db.prepare("DELETE FROM endpoint_secret WHERE endpoint = ?"));
  constexpr std::string_view kAddSecret =
      "INSERT INTO endpoint_secret (endpoint, ordinal, key_version, sealed, expires_at) "
      "VALUES (?, ?, ?, ?, ?)";
  PH_ASSIGN(auto add_secret, db.prepare(kAddSecret));
  PH_ASSIGN(auto put_secret,
            db.prepare(fmt::format("{} ON CONFLICT (endpoint, ordinal) DO UPDATE SET "
                                   "key_version = excluded.key_version, sealed = excluded.sealed, "
                                   "expires_at = excluded.expires_at",
                                   kAddSecret)));
  PH_ASSIGN(auto put_setting, db.prepare("INSERT INTO setting (name, value) VALUES (?, ?) "
                                         "ON CONFLICT (name) DO UPDATE SET value = "
                                         "excluded.value"));
  PH_ASSIGN(auto put_outbox, db.prepare("INSERT INTO outbox (number, kind, body) "
                                        "VALUES (?, ?, ?)"));
  PH_ASSIGN(auto delete_outbox, db.prepare("DELETE FROM outbox WHERE number = ?"));
  PH_ASSIGN(auto count_up,
            db.prepare("UPDATE config_counter SET value = value + 1 WHERE name = ?"));
  PH_ASSIGN(auto counter, db.prepare("SELECT value FROM config_counter WHERE name = ?"));
  // Two ranges instead of <>, so that the index answers it.
  PH_ASSIGN(auto secrets_not_at,
            db.prepare("SELECT endpoint, ordinal, key_version, sealed, expires_at "
                       "FROM endpoint_secret WHERE key_version < ? UNION ALL "
                       "SELECT endpoint, ordinal, key_version, sealed, expires_at "
                       "FROM endpoint_secret WHERE key_version > ? LIMIT ?"));
  return Statements{
      std::move(put_organization), std::move(put_application), std::move(delete_application),
      std::move(put_endpoint),     std::move(delete_endpoint), std::move(delete_secrets),
      std::move(add_secret),       std::move(put_secret),      std::move(put_setting),
      std::move(put_outbox),       std::move(delete_outbox),   std::move(count_up),
      std::move(counter),          std::move(secrets_not_at)};
}

template <typename IdType>
Status read_id(std::string_view text, IdType& into) {
  const auto id = IdType::parse(text);
  if (!id) return error(Errc::kCorrupt, fmt::format("'{}' is not an id", text));
  into = *id;
  return {};
}

Statement& bind_rate(Statement& statement, const std::optional<uint16_t>& rate) {
  return rate ? statement.integer(*rate) : statement.null();
}

std::optional<uint16_t> rate_at(const Statement& row, int column) {
  if (row.null_at(column)) return std::nullopt;
  return static_cast<uint16_t>(row.integer_at(column));
}

Status read_row(const Statement& row, model::Organization& into) {
  PH_TRY(read_id(row.text_at(0), into.id));
  into.name = row.text_at(1);
  into.created_at = WallTime{row.integer_at(2)};
  into.updated_at = WallTime{row.integer_at(3)};
  return {};
}

Status read_row(const Statement& row, model::Application& into) {
  PH_TRY(read_id(row.text_at(0), into.id));
  PH_TRY(read_id(row.text_at(1), into.organization));
  into.uid = row.text_at(2);
  into.name = row.text_at(3);
  into.throttle_rate = rate_at(row, 4);
  PH_TRY(sqlite::parse_column(row.text_at(5), into.metadata));
  into.created_at = WallTime{row.integer_at(6)};
  into.updated_at = WallTime{row.integer_at(7)};
  return {};
}

Status read_row(const Statement& row, model::Endpoint& into) {
  PH_TRY(read_id(row.text_at(0), into.id));
  PH_TRY(read_id(row.text_at(1), into.app));
  into.uid = row.text_at(2);
  into.url = row.text_at(3);
  into.description = row.text_at(4);
  into.throttle_rate = rate_at(row, 5);
  into.version = static_cast<uint32_t>(row.integer_at(6));
  into.disabled = row.integer_at(7) != 0;
  PH_TRY(sqlite::parse_column(row.text_at(8), into.event_types));
  PH_TRY(sqlite::parse_column(row.text_at(9), into.channels));
  PH_TRY(sqlite::parse_column(row.text_at(10), into.headers));
  PH_TRY(sqlite::parse_column(row.text_at(11), into.metadata));
  into.created_at = WallTime{row.integer_at(12)};
  into.updated_at = WallTime{row.integer_at(13)};
  return {};
}

Status read_row(const Statement& row, SecretRow& into) {
  PH_TRY(read_id(row.text_at(0), into.endpoint));
  into.ordinal = static_cast<uint32_t>(row.integer_at(1));
  into.key_version = static_cast<uint32_t>(row.integer_at(2));
  PH_ASSIGN(into.sealed, sqlite::bytes_of_hex(row.text_at(3)));
  into.expires_at = WallTime{row.integer_at(4)};
  return {};
}

Status read_row(const Statement& row, SettingRow& into) {
  into.name = row.text_at(0);
  into.value = row.text_at(1);
  return {};
}

Status read_row(const Statement& row, OutboxRow& into) {
  into.number = static_cast<uint64_t>(row.integer_at(0));
  into.kind = row.text_at(1);
  into.body = row.text_at(2);
  return {};
}

template <typename Row>
Status read_rows(Statement& statement, std::vector<Row>& into) {
  for (;;) {
    PH_ASSIGN(const bool there, statement.step());
    if (!there) return {};
    Status read = read_row(statement, into.emplace_back());
    if (read.ok()) continue;
    statement.reset();
    return read;
  }
}

template <typename Row>
Status read_all(Database& database, std::string_view sql, std::vector<Row>& into) {
  PH_ASSIGN(Statement statement, database.prepare(sql));
  return read_rows(statement, into);
}

Result<uint64_t> read_counter(Statement& statement, std::string_view name) {
  PH_ASSIGN(bool there, statement.text(name).step());
  if (!there) return error(Errc::kCorrupt, fmt::format("there is no counter '{}'", name));
  const auto value = static_cast<uint64_t>(statement.integer_at(0));
  PH_ASSIGN(there, statement.step());
  return value;
}

// Writes one change.
class Apply {
 public:
  explicit Apply(Statements& statements) : with_(statements) {}

  Status operator()(const PutOrganization& put) {
    const model::Organization& row = put.row;
    return with_.put_organization.text(row.id.text())
        .text(row.name)
        .integer(row.created_at.us)
        .integer(row.updated_at.us)
        .run();
  }

  Status operator()(const PutApplication& put) {
    const model::Application& row = put.row;
    Statement& statement = with_.put_application;
    statement.text(row.id.text())
        .text(row.organization.text())
        .text_or_null(row.uid)
        .text(row.name);
    return bind_rate(statement, row.throttle_rate)
        .text(sqlite::text_of(row.metadata))
        .integer(row.created_at.us)
        .integer(row.updated_at.us)
        .run();
  }

  Status operator()(const DeleteApplication& gone) {
    return with_.delete_application.text(gone.id.text()).run();
  }

  Status operator()(const PutEndpoint& put) {
    const model::Endpoint& row = put.row;
    Statement& statement = with_.put_endpoint;
    statement.text(row.id.text())
        .text(row.app.text())
        .text_or_null(row.uid)
        .text(row.url)
        .text(row.description);
    return bind_rate(statement, row.throttle_rate)
        .integer(row.version)
        .integer(row.disabled ? 1 : 0)
        .text(sqlite::text_of(row.event_types))
        .text(sqlite::text_of(row.channels))
        .text(sqlite::text_of(row.headers))
        .text(sqlite::text_of(row.metadata))
        .integer(row.created_at.us)
        .integer(row.updated_at.us)
        .run();
  }

  Status operator()(const DeleteEndpoint& gone) {
    return with_.delete_endpoint.text(gone.id.text()).run();
  }

  Status operator()(const PutSecrets& put) {
    PH_TRY(with_.delete_secrets.text(put.endpoint.text()).run());
    for (const SecretRow& row : put.rows) {
      if (row.endpoint != put.endpoint) {
        return error(Errc::kConflict, "a secret of another endpoint");
      }
      PH_TRY(write(with_.add_secret, row));
    }
    return {};
  }

  Status operator()(const PutSecret& put) { return write(with_.put_secret, put.row); }

  Status operator()(const PutSetting& put) {
    return with_.put_setting.text(put.row.name).text(put.row.value).run();
  }

  Status operator()(const PutOutbox& put) {
    PH_TRY(with_.count_up.text("outbox").run());
    PH_ASSIGN(const uint64_t number, read_counter(with_.counter, "outbox"));
    return with_.put_outbox.integer(static_cast<int64_t>(number))
        .text(put.row.kind)
        .text(put.row.body)
        .run();
  }

  Status operator()(const DeleteOutbox& gone) {
    return with_.delete_outbox.integer(static_cast<int64_t>(gone.number)).run();
  }

 private:
  static Status write(Statement& statement, const SecretRow& row) {
    return statement.text(row.endpoint.text())
        .integer(row.ordinal)
        .integer(row.key_version)
        .text(sqlite::hex_of(row.sealed))
        .integer(row.expires_at.us)
        .run();
  }

  Statements& with_;
};

class SqliteConfigStore final : public ConfigStore {
 public:
  SqliteConfigStore(std::unique_ptr<Database> database, Statements statements, ConfigAccess access)
      : database_(std::move(database)), statements_(std::move(statements)), access_(access) {}

  Result<ConfigRows> load() override {
    Database& db = *database_;
    ConfigRows rows;
    PH_ASSIGN(rows.version, read_counter(statements_.counter, "version"));
    PH_TRY(read_all(db, "SELECT id, name, created_at, updated_at FROM organization ORDER BY id",
                    rows.organizations));
    PH_TRY(read_all(db,
                    "SELECT id, organization, uid, name, throttle_rate, metadata, created_at, "
                    "updated_at FROM application ORDER BY id",
                    rows.applications));
    PH_TRY(read_all(db,
                    "SELECT id, app, uid, url, description, throttle_rate, version, disabled, "
                    "event_types, channels, headers, metadata, created_at, updated_at "
                    "FROM endpoint ORDER BY id",
                    rows.endpoints));
    PH_TRY(read_all(db,
                    "SELECT endpoint, ordinal, key_version, sealed, expires_at "
                    "FROM endpoint_secret ORDER BY endpoint, ordinal",
                    rows.secrets));
    PH_TRY(read_all(db, "SELECT name, value FROM setting ORDER BY name", rows.settings));
    PH_TRY(read_all(db, "SELECT number, kind, body FROM outbox ORDER BY number", rows.outbox));
    return rows;
  }

  Result<uint64_t> apply(const std::vector<ConfigChange>& changes) override {
    if (access_ == ConfigAccess::kReadOnly) {
      return error(Errc::kUnavailable, "The configuration can only be read for now");
    }
    if (broken_) return error(Errc::kUnavailable, "an earlier write failed; restart");
    if (database_->sync_failed()) {
      // While the log was moved into the database, after a change that was durable already.
      broken_ = true;
      return error(Errc::kUnknownOutcome, "a sync of the configuration failed");
    }
    auto applied = try_apply(changes);
    if (applied.ok()) return applied;
    const Errc code = applied.error().code;
    // What a failed write or sync left in the log may count after a restart.
    if (code != Errc::kIo && !database_->sync_failed()) return applied;
    broken_ = true;
    return error(Errc::kUnknownOutcome, std::move(applied).error().message);
  }

  Result<std::vector<SecretRow>> secrets_not_at(uint32_t current, size_t limit) override {
    std::vector<SecretRow> rows;
    Statement& find = statements_.secrets_not_at;
    find.integer(current).integer(current).integer(static_cast<int64_t>(limit));
    PH_TRY(read_rows(find, rows));
    return rows;
  }

 private:
  Result<uint64_t> try_apply(const std::vector<ConfigChange>& changes) {
    PH_ASSIGN(Transaction transaction, Transaction::begin(*database_));
    Apply apply(statements_);
    for (const ConfigChange& change : changes) PH_TRY(std::visit(apply, change));
    PH_TRY(statements_.count_up.text("version").run());
    PH_ASSIGN(const uint64_t version, read_counter(statements_.counter, "version"));
    PH_TRY(transaction.commit());
    return version;
  }

  std::unique_ptr<Database> database_;
  Statements statements_;  // go before the database
  const ConfigAccess access_;
  bool broken_ = false;
};

}  // namespace

Result<std::unique_ptr<ConfigStore>> open_sqlite_config_store(io::Host& host,
                                                              const std::string& path,
                                                              const SqliteConfigOptions& options) {
  PH_ASSIGN(auto database, Database::open(host, path, options.access));
  database->set_checkpoint_pages(options.checkpoint_pages);
  PH_TRY(sqlite::migrate(*database));
  PH_ASSIGN(auto statements, Statements::prepare(*database));
  return std::unique_ptr<ConfigStore>(std::make_unique<SqliteConfigStore>(
      std::move(database), std::move(statements), options.access));
}

}  // namespace posthorn::store

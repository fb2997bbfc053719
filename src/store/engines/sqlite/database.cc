// The only calls into SQLite: open, prepare, bind, step, and its codes as errors.
#include "store/engines/sqlite/database.h"

#include <fmt/format.h>
#include <sqlite3.h>

namespace posthorn::store::sqlite {
namespace {

// Exclusive before WAL: the index of the log then lives in memory, no shared memory is needed.
// What is temporary stays in memory, so the disk holds the database and its log only.
constexpr std::string_view kSetup =
    "PRAGMA locking_mode = EXCLUSIVE;"
    "PRAGMA synchronous = FULL;"
    "PRAGMA foreign_keys = ON;"
    "PRAGMA temp_store = MEMORY;"
    "PRAGMA secure_delete = ON;"
    "PRAGMA trusted_schema = OFF;"
    "PRAGMA cell_size_check = ON;";
constexpr std::string_view kSetupToWrite = "PRAGMA journal_mode = WAL;";

Errc errc_of(int code) {
  switch (code & 0xFF) {
    case SQLITE_CONSTRAINT:
      return Errc::kConflict;
    case SQLITE_FULL:
      return Errc::kNoSpace;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return Errc::kCorrupt;
    case SQLITE_TOOBIG:
      return Errc::kTooLarge;
    case SQLITE_READONLY:
      return Errc::kUnavailable;
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
      return Errc::kIo;
    default:
      return Errc::kInternal;
  }
}

}  // namespace

Statement::Statement(Statement&& other) noexcept
    : database_(other.database_),
      statement_(std::exchange(other.statement_, nullptr)),
      bound_(other.bound_),
      bind_code_(other.bind_code_) {}

Statement::~Statement() { sqlite3_finalize(statement_); }

Statement& Statement::text(std::string_view value) {
  const int code = sqlite3_bind_text64(statement_, ++bound_, value.data() ? value.data() : "",
                                       value.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
  if (bind_code_ == SQLITE_OK) bind_code_ = code;
  return *this;
}

Statement& Statement::text_or_null(std::string_view value) {
  return value.empty() ? null() : text(value);
}

Statement& Statement::integer(int64_t value) {
  const int code = sqlite3_bind_int64(statement_, ++bound_, value);
  if (bind_code_ == SQLITE_OK) bind_code_ = code;
  return *this;
}

Statement& Statement::null() {
  const int code = sqlite3_bind_null(statement_, ++bound_);
  if (bind_code_ == SQLITE_OK) bind_code_ = code;
  return *this;
}

Result<bool> Statement::step() {
  if (bind_code_ != SQLITE_OK) {
    const int code = bind_code_;
    reset();
    return database_.failure(code);
  }
  const int code = sqlite3_step(statement_);
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) {
    reset();
    return false;
  }
  Error failed = database_.failure(code);
  reset();
  return failed;
}

Status Statement::run() {
  auto row = step();
  if (!row.ok()) return std::move(row).error();
  CHECK(!row.value(), "a statement with rows: {}", sqlite3_sql(statement_));
  return {};
}

void Statement::reset() {
  sqlite3_reset(statement_);
  sqlite3_clear_bindings(statement_);
  bound_ = 0;
  bind_code_ = SQLITE_OK;
}

std::string_view Statement::text_at(int column) const {
  const auto* bytes = reinterpret_cast<const char*>(sqlite3_column_text(statement_, column));
  if (bytes == nullptr) return {};
  return {bytes, static_cast<size_t>(sqlite3_column_bytes(statement_, column))};
}

int64_t Statement::integer_at(int column) const { return sqlite3_column_int64(statement_, column); }

bool Statement::null_at(int column) const {
  return sqlite3_column_type(statement_, column) == SQLITE_NULL;
}

Result<std::unique_ptr<Database>> Database::open(io::Host& host, const std::string& path,
                                                 ConfigAccess access) {
  std::unique_ptr<Database> database(new Database(host, access));
  const bool read_only = access == ConfigAccess::kReadOnly;
  const int flags =
      (read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE) |
      SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE | SQLITE_OPEN_PRIVATECACHE;
  const int opened =
      sqlite3_open_v2(path.c_str(), &database->handle_, flags, database->vfs_.name().c_str());
  CHECK(database->handle_ != nullptr, "out of memory");
  if (opened != SQLITE_OK) return database->failure(opened);
  sqlite3_db_config(database->handle_, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  PH_TRY(database->execute(std::string(kSetup)));
  if (!read_only) PH_TRY(database->execute(std::string(kSetupToWrite)));
  return database;
}

Database::~Database() {
  const int closed = sqlite3_close(handle_);
  CHECK(closed == SQLITE_OK, "a statement outlived its database");
}

void Database::set_checkpoint_pages(int pages) { sqlite3_wal_autocheckpoint(handle_, pages); }

Status Database::execute(const std::string& sql) {
  const int code = sqlite3_exec(handle_, sql.c_str(), nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) return failure(code);
  return {};
}

Result<Statement> Database::prepare(std::string_view sql) {
  sqlite3_stmt* statement = nullptr;
  const int code = sqlite3_prepare_v3(handle_, sql.data(), static_cast<int>(sql.size()),
                                      SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
  if (code != SQLITE_OK) return failure(code);
  return Statement(*this, statement);
}

Error Database::failure(int code) const {
  CHECK(code != SQLITE_NOMEM, "out of memory");
  CHECK(code != SQLITE_MISUSE, "{}", sqlite3_errmsg(handle_));
  const Errc kind = errc_of(code);
  if (kind == Errc::kIo || kind == Errc::kNoSpace) {
    return error(
        kind, fmt::format("sqlite: {} ({})", sqlite3_errmsg(handle_), vfs_.last_error().message));
  }
  return error(kind, fmt::format("sqlite: {}", sqlite3_errmsg(handle_)));
}

Result<Transaction> Transaction::begin(Database& database) {
  PH_TRY(database.execute("BEGIN IMMEDIATE"));
  return Transaction(database);
}

Transaction::~Transaction() {
  if (database_ == nullptr) return;
  // Fails when SQLite has rolled back by itself, which is as good.
  (void)database_->execute("ROLLBACK");
}

Status Transaction::commit() {
  PH_TRY(database_->execute("COMMIT"));
  database_ = nullptr;
  return {};
}

}  // namespace posthorn::store::sqlite

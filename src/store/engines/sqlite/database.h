// SQLite behind four types: Database, Statement, Transaction, and errors as Result. Nothing else
// in this program calls SQLite (disk_vfs.cc apart, which SQLite calls).
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "io/host.h"
#include "store/config_store.h"
#include "store/engines/sqlite/disk_vfs.h"

struct sqlite3;
struct sqlite3_stmt;

namespace posthorn::store::sqlite {

class Database;

// One prepared statement, used again and again; must not outlive its database. Binding starts
// over after run(), or when step() has answered false or an error.
class Statement {
 public:
  Statement(Statement&& other) noexcept;
  Statement& operator=(Statement&&) = delete;
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;
  ~Statement();

  // Each binds the next parameter. Text is copied.
  Statement& text(std::string_view value);
  Statement& text_or_null(std::string_view value);  // null when empty
  Statement& integer(int64_t value);
  Statement& null();

  // True: a row is there, read it before the next call.
  Result<bool> step();
  // For statements without rows.
  Status run();

  // Gives up the rows that are left.
  void reset();

  // Columns of the row, from 0; null reads as empty or 0. Views are valid until the next step.
  std::string_view text_at(int column) const;
  int64_t integer_at(int column) const;
  bool null_at(int column) const;

 private:
  friend class Database;
  Statement(Database& database, sqlite3_stmt* statement)
      : database_(database), statement_(statement) {}

  Database& database_;
  sqlite3_stmt* statement_;
  int bound_ = 0;
  int bind_code_ = 0;  // of the first bind that failed
};

// One connection to one file, in WAL mode with full sync: what a transaction changed is durable
// when its commit has answered ok. One thread at a time.
class Database {
 public:
  // Makes the file when it is not there, unless only reads are asked for. kCorrupt when it is not a
  // database.
  static Result<std::unique_ptr<Database>> open(io::Host& host, const std::string& path,
                                                ConfigAccess access = ConfigAccess::kReadWrite);
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  void set_checkpoint_pages(int pages);
  // One or more statements without parameters and rows.
  Status execute(const std::string& sql);
  Result<Statement> prepare(std::string_view sql);
  // Whether the last commit may be durable although it failed; nothing can be written then.
  bool sync_failed() const { return vfs_.sync_failed(); }

 private:
  friend class Statement;
  Database(io::Host& host, ConfigAccess access) : vfs_(host, access == ConfigAccess::kReadOnly) {}
  Error failure(int code) const;

  DiskVfs vfs_;
  sqlite3* handle_ = nullptr;
};

// Rolls back on destruction unless committed.
class Transaction {
 public:
  static Result<Transaction> begin(Database& database);
  Transaction(Transaction&& other) noexcept : database_(std::exchange(other.database_, nullptr)) {}
  Transaction& operator=(Transaction&&) = delete;
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  ~Transaction();

  // Durable when ok. After an error nothing is changed, except that Database::sync_failed() means
  // that it may be.
  Status commit();

 private:
  explicit Transaction(Database& database) : database_(&database) {}
  Database* database_;
};

}  // namespace posthorn::store::sqlite

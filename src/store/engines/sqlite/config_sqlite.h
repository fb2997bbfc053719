// Configuration in one SQLite file. Durable on return, see database.h.
#pragma once
#include <memory>
#include <string>

#include "store/config_store.h"

namespace posthorn::store {

struct SqliteConfigOptions {
  // After so many pages the write-ahead log is moved into the database, which takes a commit four
  // syncs instead of one: large enough that fewer than one change in a hundred meets it (a change
  // takes about nine pages), small enough that 4 MiB are read at the next start.
  int checkpoint_pages = 1000;
};

// Makes or migrates the file. Errors as open_config_store().
Result<std::unique_ptr<ConfigStore>> open_sqlite_config_store(
    io::Host& host, const std::string& path, const SqliteConfigOptions& options = {});

}  // namespace posthorn::store

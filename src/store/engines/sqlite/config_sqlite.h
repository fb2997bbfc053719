// Configuration in one SQLite file. Durable on return, see database.h.
#pragma once
#include <memory>
#include <string>

#include "store/config_store.h"

namespace posthorn::store {

struct SqliteConfigOptions {
  // After so many pages the write-ahead log is moved into the database: small enough that no
  // commit waits long for it, large enough that it is rare.
  int checkpoint_pages = 256;
};

// Makes or migrates the file. Errors as open_config_store().
Result<std::unique_ptr<ConfigStore>> open_sqlite_config_store(
    io::Host& host, const std::string& path, const SqliteConfigOptions& options = {});

}  // namespace posthorn::store

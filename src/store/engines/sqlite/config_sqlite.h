// Configuration in one SQLite file. Durable on return, see database.h.
#pragma once
#include <memory>
#include <string>

#include "store/config_store.h"

namespace posthorn::store {

struct SqliteConfigOptions {
  // After so many pages the write-ahead log is moved into the database by the commit that filled
  // it. A change takes about nine pages, so one in 28 does it; with 256 the slowest of a thousand
  // changes at 100,000 endpoints took 3 ms, with 1000 it took 7 to 30 (catalog_bench.cc).
  int checkpoint_pages = 256;
  ConfigAccess access = ConfigAccess::kReadWrite;
};

// Makes or migrates the file, unless only reads are asked for. Errors as open_config_store().
Result<std::unique_ptr<ConfigStore>> open_sqlite_config_store(
    io::Host& host, const std::string& path, const SqliteConfigOptions& options = {});

}  // namespace posthorn::store

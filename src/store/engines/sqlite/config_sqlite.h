// Configuration in one SQLite file. Durable on return, see database.h.
#pragma once
#include <memory>
#include <string>

#include "store/config_store.h"

namespace posthorn::store {

// Makes or migrates the file. Errors as open_config_store().
Result<std::unique_ptr<ConfigStore>> open_sqlite_config_store(io::Host& host,
                                                              const std::string& path);

}  // namespace posthorn::store

// The engines for configuration, by name.
#include <fmt/format.h>

#include "store/config_store.h"
#include "store/engines/memory/config_memory.h"
#include "store/engines/sqlite/config_sqlite.h"

namespace posthorn::store {

Result<std::unique_ptr<ConfigStore>> open_config_store(io::Host& host, std::string_view engine,
                                                       const std::string& path,
                                                       ConfigAccess access) {
  if (engine == "memory") return make_memory_config_store();
  if (engine == "sqlite") return open_sqlite_config_store(host, path, {.access = access});
  return error(Errc::kInvalid, fmt::format("no configuration engine is called '{}'; there are "
                                           "memory and sqlite",
                                           engine));
}

}  // namespace posthorn::store

// The engines by name.
#include <fmt/format.h>

#include "store/engines/memory/memory_engine.h"
#include "store/engines/segment/segment_engine.h"
#include "store/store.h"

namespace posthorn::store {

Result<std::unique_ptr<Store>> open_store(io::Host& host, StoreOptions options) {
  if (options.engine == "memory") return make_memory_store(host, std::move(options));
  if (options.engine == "segment") return make_segment_store(host, std::move(options));
  return error(Errc::kInvalid, fmt::format("no engine is called '{}'; there are memory and segment",
                                           options.engine));
}

}  // namespace posthorn::store

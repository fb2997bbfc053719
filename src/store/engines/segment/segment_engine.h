// The default engine: an append-only log in segment files with group commit. See docs/formats/ for
// every byte on disk and README.md for the way of a record.
#pragma once
#include <memory>

#include "store/store.h"

namespace posthorn::store {

Result<std::unique_ptr<Store>> make_segment_store(io::Host& host, StoreOptions options);

}  // namespace posthorn::store

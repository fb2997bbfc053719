// The engine that forgets at exit: the reference model behind the interfaces of a store. For tests
// and for comparing other engines with.
#pragma once
#include <memory>

#include "store/store.h"

namespace posthorn::store {

std::unique_ptr<Store> make_memory_store(io::Host& host, StoreOptions options);

}  // namespace posthorn::store

// Configuration in memory: the reference model the other engines are compared with. Forgets
// everything at destruction.
#pragma once
#include <memory>

#include "store/config_store.h"

namespace posthorn::store {

std::unique_ptr<ConfigStore> make_memory_config_store();

}  // namespace posthorn::store

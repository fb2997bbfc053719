// Finding a stored message by what stands in a path: its id, or the event id that the client gave
// it. Blocks: for the reader only.
#pragma once
#include <string>

#include "base/result.h"
#include "store/store.h"

namespace posthorn::api {

// kNotFound when the application has no such message.
Result<store::MessageRef> find_message(store::Store& store, const AppId& app,
                                       const std::string& id_or_event_id);

}  // namespace posthorn::api

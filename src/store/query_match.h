// pure: whether a record passes the filters of a query; the same for every engine.
#pragma once
#include "store/attempt_history.h"
#include "store/message_log.h"

namespace posthorn::store {

// All but `after` and `limit`, which say where a page begins and ends.
bool matches(const MessageQuery& query, const model::Message& message);
bool matches(const AttemptQuery& query, const model::Attempt& attempt);
// The time bounds only; the state is the engine's to look up.
bool in_time(const DeliveryQuery& query, const model::Message& message);

// kInvalid when a query names neither what it must nor a limit.
Status check(const AttemptQuery& query);

}  // namespace posthorn::store

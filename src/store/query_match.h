// pure: whether a record passes the filters of a query; the same for every engine.
#pragma once
#include "store/attempt_history.h"
#include "store/message_log.h"

namespace posthorn::store {

// Whether the item with the id comes after `query.after` in the order of the list.
template <typename Query, typename Id>
bool is_after(const Query& query, const Id& id) {
  return !query.after || (query.ascending ? id > *query.after : id < *query.after);
}

// All but `after` and `limit`, which say where a page begins and ends.
bool matches(const MessageQuery& query, const model::Message& message);
bool matches(const AttemptQuery& query, const model::Attempt& attempt);
// Whether the message may have a delivery on the page; its state is the engine's to look up.
bool matches(const DeliveryQuery& query, const model::Message& message);

// kInvalid when a query names neither what it must nor a limit.
Status check(const AttemptQuery& query);

}  // namespace posthorn::store

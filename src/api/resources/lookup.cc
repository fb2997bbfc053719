// Finding a stored message.
#include "api/resources/lookup.h"

#include "model/identity.h"

namespace posthorn::api {

Result<store::MessageRef> find_message(store::Store& store, const AppId& app,
                                       const std::string& id_or_event_id) {
  if (const auto id = MessageId::parse(id_or_event_id)) {
    auto message = store.log().read(app, *id);
    if (message.ok() || message.error().code != Errc::kNotFound) return message;
  }
  PH_ASSIGN(std::optional<store::FirstUse> found,
            store.log().find_duplicate(model::event_id_key_of(app, id_or_event_id)));
  // Another application's message cannot have that key; what is compared costs nothing.
  if (found && found->message && found->message->app == app) return std::move(found->message);
  return error(Errc::kNotFound, "There is no such message");
}

}  // namespace posthorn::api

// pure: shared fields of resources.
#include "api/resources/fields.h"

namespace posthorn::api {

std::string read_uid(Body& body) {
  auto uid = body.text("uid");
  if (uid && uid->empty()) body.refuse("uid", "is empty; leave it out or give 1 to 256 characters");
  return std::move(uid).value_or("");
}

std::optional<uint16_t> read_throttle_rate(Body& body) {
  const auto rate = body.number(body.either("throttleRate", "rateLimit"), 1, 65535);
  if (!rate) return std::nullopt;
  return static_cast<uint16_t>(*rate);
}

void append_throttle_rate(wire::JsonWriter& json, const std::optional<uint16_t>& rate) {
  for (const std::string_view name : {"rateLimit", "throttleRate"}) {
    json.key(name);
    if (rate) {
      json.integer(*rate);
    } else {
      json.null();
    }
  }
}

void append_metadata(wire::JsonWriter& json, const model::Metadata& metadata) {
  json.key("metadata");
  json.begin_object();
  for (const auto& [key, value] : metadata) {
    json.key(key);
    json.string(value);
  }
  json.end_object();
}

void append_filter(wire::JsonWriter& json, std::string_view name,
                   const std::vector<std::string>& texts) {
  json.key(name);
  if (texts.empty()) return json.null();
  json.begin_array();
  for (const std::string& text : texts) json.string(text);
  json.end_array();
}

}  // namespace posthorn::api

// Endpoints: create, read, list, and the secret that verifies what they receive.
#include "api/resources/endpoints.h"

#include "api/body.h"
#include "api/errors.h"
#include "api/page.h"
#include "api/resources/fields.h"
#include "wire/base64.h"
#include "wire/json_writer.h"

namespace posthorn::api {
namespace {

constexpr size_t kEventTypesMax = 1000;
constexpr size_t kChannelsMax = 10;

Error no_such_endpoint() { return error(Errc::kNotFound, "There is no such endpoint"); }

catalog::EndpointSpec read_spec(Body& body) {
  catalog::EndpointSpec spec;
  spec.url = body.required_text("url");
  spec.description = body.text("description").value_or("");
  spec.uid = read_uid(body);
  spec.throttle_rate = read_throttle_rate(body);
  spec.version = static_cast<uint32_t>(body.number("version", 1, 65535).value_or(1));
  spec.disabled = body.flag("disabled").value_or(false);
  // An empty filter means none: client components send it so.
  spec.event_types = body.texts(body.either("eventTypes", "filterTypes"), kEventTypesMax);
  spec.channels = body.texts("channels", kChannelsMax);
  spec.metadata = body.text_map("metadata");
  for (auto& [name, value] : body.text_map("headers")) spec.headers.push_back({name, value});
  spec.secret = body.text("secret").value_or("");
  return spec;
}

void create(Context& context, Call& call) {
  Body body(call.request.body, call.issues);
  catalog::EndpointSpec spec = read_spec(body);
  if (call.refused()) return;
  context.deps().catalog.create_endpoint(
      call.app->app.id, std::move(spec), context.deps().loop,
      [responder = std::move(call.responder)](Result<catalog::EndpointRef> created) mutable {
        if (!created.ok()) return responder.send(error_response(std::move(created).error()));
        std::string out;
        append_endpoint(out, **created);
        responder.send(json_response(201, std::move(out)));
      });
}

void get(Call& call) {
  const catalog::EndpointRef endpoint = call.app->find_endpoint(call.params[1]);
  if (endpoint == nullptr) return call.refuse(no_such_endpoint());
  std::string out;
  append_endpoint(out, *endpoint);
  call.answer(200, std::move(out));
}

void list(Context& context, Call& call) {
  const bool ascending = read_order(call.query, false);
  const auto page = read_page_query<EndpointKind>(call.query, ascending);
  if (call.refused()) return;
  context.on_reader(std::move(call.responder), [app = call.app, page] {
    PageSelection<catalog::EndpointRef, EndpointId> selection(page);
    app->endpoints.for_each([&](const EndpointId& id, const catalog::EndpointRef& endpoint) {
      selection.offer(id, endpoint);
    });
    return json_response(
        200, selection.render([](std::string& out, const catalog::EndpointRef& endpoint) {
          append_endpoint(out, *endpoint);
        }));
  });
}

// The text that verifies signatures: the secret itself, or the public half of a signing key (the
// second 32 of its 64 bytes), because the private half never leaves.
std::string verifying_key(const std::string& secret) {
  constexpr std::string_view kPrivate = "whsk_";
  constexpr size_t kHalf = 32;
  if (!secret.starts_with(kPrivate)) return secret;
  const auto key = wire::decode_base64(std::string_view(secret).substr(kPrivate.size()));
  if (!key || key->size() != 2 * kHalf) return {};
  std::string out = "whpk_";
  wire::append_base64(out, std::string_view(*key).substr(kHalf));
  return out;
}

void get_secret(Call& call) {
  const catalog::EndpointRef endpoint = call.app->find_endpoint(call.params[1]);
  if (endpoint == nullptr) return call.refuse(no_such_endpoint());
  if (endpoint->secrets.empty()) {
    return call.refuse(error(Errc::kNotFound, "The endpoint has no secret"));
  }
  std::string out;
  wire::JsonWriter json(out);
  json.begin_object();
  json.key("key");
  json.string(verifying_key(endpoint->secrets.front().key));
  json.end_object();
  call.answer(200, std::move(out));
}

}  // namespace

void append_endpoint(std::string& out, const model::Endpoint& endpoint) {
  wire::JsonWriter json(out);
  json.begin_object();
  json.key("id");
  json.string(endpoint.id.text());
  json.key("url");
  json.string(endpoint.url);
  json.key("description");
  json.string(endpoint.description);
  json.key("uid");
  if (endpoint.uid.empty()) {
    json.null();
  } else {
    json.string(endpoint.uid);
  }
  append_throttle_rate(json, endpoint.throttle_rate);
  json.key("version");
  json.integer(endpoint.version);
  json.key("disabled");
  json.boolean(endpoint.disabled);
  append_filter(json, "eventTypes", endpoint.event_types);
  append_filter(json, "filterTypes", endpoint.event_types);
  append_filter(json, "channels", endpoint.channels);
  json.key("createdAt");
  json.time(endpoint.created_at);
  json.key("updatedAt");
  json.time(endpoint.updated_at);
  append_metadata(json, endpoint.metadata);
  json.end_object();
}

void mount_endpoints(Routes& routes, Context& context) {
  using wire::HttpMethod;
  const auto add = [&](HttpMethod method, std::string pattern, Context::CallHandler handler) {
    routes.add(method, std::move(pattern),
               context.guarded(Access::kApplication, std::move(handler)));
  };
  add(HttpMethod::kPost, "/api/v1/app/{app_id}/endpoint",
      [&context](Call& call) { create(context, call); });
  add(HttpMethod::kGet, "/api/v1/app/{app_id}/endpoint",
      [&context](Call& call) { list(context, call); });
  add(HttpMethod::kGet, "/api/v1/app/{app_id}/endpoint/{endpoint_id}", get);
  add(HttpMethod::kGet, "/api/v1/app/{app_id}/endpoint/{endpoint_id}/secret", get_secret);
}

}  // namespace posthorn::api

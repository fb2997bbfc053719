// Health: alive (ping), ready to take messages (health).
#include "api/resources/health.h"

#include "wire/json_writer.h"

namespace posthorn::api {
namespace {

Status accepting(Context& context) {
  if (auto& accepting = context.deps().accepting; accepting) PH_TRY(accepting());
  store::LogHealth health = context.deps().store.log().health();
  if (health.accepting) return {};
  return std::move(health.why_not);
}

void append_component(wire::JsonWriter& json, std::string_view name, bool ok) {
  json.key(name);
  json.begin_object();
  json.key("status");
  json.string(ok ? "ok" : "error");
  json.end_object();
}

http::Response health(Context& context) {
  const Status status = accepting(context);
  std::string out;
  wire::JsonWriter json(out);
  json.begin_object();
  json.key("status");
  json.string(status.ok() ? "ok" : "not_accepting");
  if (!status.ok()) {
    json.key("reason");
    json.string(errc_name(status.error().code));
    json.key("detail");
    json.string(status.error().message);
  }
  append_component(json, "database", status.ok());
  append_component(json, "queue", status.ok());
  append_component(json, "cache", true);
  json.key("damagedSegments");
  json.integer(static_cast<int64_t>(context.deps().store.log().health().damaged_segments));
  json.key("version");
  json.string(context.deps().version);
  json.end_object();
  return json_response(status.ok() ? 200 : 503, std::move(out));
}

http::Response ping() {
  http::Response response;
  response.status = 204;
  response.content_type = {};
  return response;
}

http::Response root(const std::string& version) {
  std::string out;
  wire::JsonWriter json(out);
  json.begin_object();
  json.key("name");
  json.string("Posthorn");
  json.key("version");
  json.string(version);
  json.key("health");
  json.string("/api/v1/health");
  json.key("api");
  json.string("/api/v1");
  json.end_object();
  return json_response(200, std::move(out));
}

}  // namespace

void mount_health(Routes& routes, Context& context) {
  const auto add = [&](std::string pattern, UniqueFunction<http::Response()> answer) {
    routes.add(
        wire::HttpMethod::kGet, std::move(pattern),
        [answer = std::move(answer)](const http::Request&, http::Responder responder,
                                     const PathParams&) mutable { responder.send(answer()); });
  };
  add("/api/v1/health/ping", ping);
  add("/api/v1/health", [&context] { return health(context); });
  add("/", [&context] { return root(context.deps().version); });
}

}  // namespace posthorn::api

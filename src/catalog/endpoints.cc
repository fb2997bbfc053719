// Changes of endpoints.
#include <fmt/format.h>

#include "catalog/internal/writer.h"
#include "catalog/rules.h"
#include "catalog/secrets.h"

namespace posthorn::catalog {
namespace {

// The snapshot with `endpoint` in the place of what it had under that id.
Snapshot with_endpoint(Snapshot next, const EndpointRef& endpoint) {
  AppState state = *next.app(endpoint->app);
  state.endpoints = state.endpoints.with(endpoint->id, endpoint);
  if (!endpoint->uid.empty()) {
    state.endpoint_uids = state.endpoint_uids.with(endpoint->uid, endpoint->id);
  }
  next.endpoint_apps = next.endpoint_apps.with(endpoint->id, endpoint->app);
  next.apps = next.apps.with(endpoint->app, std::make_shared<const AppState>(std::move(state)));
  return next;
}

Snapshot without_endpoint(Snapshot next, const model::Endpoint& endpoint) {
  AppState state = *next.app(endpoint.app);
  state.endpoints = state.endpoints.without(endpoint.id);
  if (!endpoint.uid.empty()) state.endpoint_uids = state.endpoint_uids.without(endpoint.uid);
  next.endpoint_apps = next.endpoint_apps.without(endpoint.id);
  next.apps = next.apps.with(endpoint.app, std::make_shared<const AppState>(std::move(state)));
  return next;
}

}  // namespace

Result<EndpointRef> Writer::create_endpoint(const AppId& app, EndpointSpec spec) {
  PH_TRY(check_endpoint(spec, options_));
  std::string secret;
  if (spec.secret.empty()) {
    secret = generate_secret(options_.secret_type, host_.entropy());
  } else {
    PH_ASSIGN(secret, check_secret(spec.secret));
  }
  const AppRef state = newest_->app(app);
  if (state == nullptr) {
    return error(Errc::kNotFound, fmt::format("there is no application {}", app.text()));
  }
  if (!spec.uid.empty() && state->endpoint_uids.find(spec.uid) != nullptr) {
    return error(Errc::kConflict, "uid: another endpoint of the application has it; use another");
  }
  auto endpoint = std::make_shared<model::Endpoint>();
  endpoint->created_at = endpoint->updated_at = now();
  endpoint->id = EndpointId{ids_.next(endpoint->created_at)};
  endpoint->app = app;
  endpoint->uid = std::move(spec.uid);
  endpoint->url = std::move(spec.url);
  endpoint->description = std::move(spec.description);
  endpoint->throttle_rate = spec.throttle_rate;
  endpoint->version = spec.version;
  endpoint->disabled = spec.disabled;
  endpoint->event_types = std::move(spec.event_types);
  endpoint->channels = std::move(spec.channels);
  endpoint->headers = std::move(spec.headers);
  endpoint->metadata = std::move(spec.metadata);
  endpoint->secrets.push_back({std::move(secret), WallTime{}});
  PH_TRY(commit({store::PutEndpoint{*endpoint}, sealed(*endpoint)},
                with_endpoint(*newest_, endpoint)));
  return EndpointRef(std::move(endpoint));
}

Status Writer::set_endpoint_disabled(const EndpointId& id, bool disabled) {
  PH_ASSIGN(const EndpointRef old, find_endpoint(id));
  if (old->disabled == disabled) return {};
  auto endpoint = std::make_shared<model::Endpoint>(*old);
  endpoint->disabled = disabled;
  endpoint->updated_at = now();
  return commit({store::PutEndpoint{*endpoint}}, with_endpoint(*newest_, endpoint));
}

Status Writer::delete_endpoint(const EndpointId& id) {
  PH_ASSIGN(const EndpointRef old, find_endpoint(id));
  return commit({store::DeleteEndpoint{id}}, without_endpoint(*newest_, *old));
}

}  // namespace posthorn::catalog

// Filters of endpoints applied to messages.
#include "route/match.h"

#include <algorithm>

namespace posthorn::route {
namespace {

model::Targets all_matching(const catalog::AppState& app, const model::Message& message) {
  std::vector<EndpointId> targets;
  app.endpoints.for_each([&](const EndpointId& id, const catalog::EndpointRef& endpoint) {
    if (matches(*endpoint, message)) targets.push_back(id);
  });
  return std::make_shared<const model::TargetSet>(std::move(targets));
}

}  // namespace

bool matches(const model::Endpoint& endpoint, const model::Message& message) {
  const auto& types = endpoint.event_types;
  if (!types.empty() && std::find(types.begin(), types.end(), message.event_type) == types.end()) {
    return false;
  }
  if (endpoint.channels.empty()) return true;
  return std::any_of(message.channels.begin(), message.channels.end(), [&](const auto& channel) {
    return std::find(endpoint.channels.begin(), endpoint.channels.end(), channel) !=
           endpoint.channels.end();
  });
}

model::Targets Matcher::match(const catalog::AppRef& app, const model::Message& message) {
  if (!message.channels.empty()) return all_matching(*app, message);
  if (recent_.size() >= kAppsMax && !recent_.contains(app->app.id)) recent_.clear();
  AppSets& known = recent_[app->app.id];
  if (known.app != app) known = AppSets{app, {}};
  for (const auto& [type, set] : known.sets) {
    if (type == message.event_type) return set;
  }
  model::Targets set = all_matching(*app, message);
  if (known.sets.size() >= kSetsPerAppMax) known.sets.erase(known.sets.begin());
  known.sets.emplace_back(message.event_type, set);
  return set;
}

}  // namespace posthorn::route

// pure: filters of queries.
#include "store/query_match.h"

#include <algorithm>

namespace posthorn::store {
namespace {

bool holds(const std::vector<std::string>& list, const std::string& wanted) {
  return wanted.empty() || std::find(list.begin(), list.end(), wanted) != list.end();
}

bool within(WallTime at, WallTime since, WallTime before) {
  return (since.us == 0 || at >= since) && (before.us == 0 || at < before);
}

constexpr int kStatusClassStep = 100;

}  // namespace

bool matches(const MessageQuery& query, const model::Message& message) {
  if (message.app != query.app || !within(message.accepted_at, query.since, query.before)) {
    return false;
  }
  const auto& types = query.event_types;
  if (!types.empty() && std::find(types.begin(), types.end(), message.event_type) == types.end()) {
    return false;
  }
  return holds(message.channels, query.channel) && holds(message.tags, query.tag);
}

bool matches(const AttemptQuery& query, const model::Attempt& attempt) {
  if (attempt.app != query.app) return false;
  if (query.endpoint && attempt.endpoint != *query.endpoint) return false;
  if (query.message && attempt.message != *query.message) return false;
  if (query.state && attempt.state_after != *query.state) return false;
  if (query.status_class &&
      attempt.outcome.status / kStatusClassStep * kStatusClassStep != *query.status_class) {
    return false;
  }
  return within(attempt.recorded_at, query.since, query.before);
}

bool matches(const DeliveryQuery& query, const model::Message& message) {
  return message.app == query.app && message.targets->contains(query.endpoint) &&
         within(message.accepted_at, query.since, query.before);
}

Status check(const AttemptQuery& query) {
  if (!query.endpoint && !query.message) {
    return error(Errc::kInvalid, "a list of attempts needs an endpoint or a message");
  }
  return {};
}

}  // namespace posthorn::store

// To which endpoints does a message go? Decided once, before the append, against the snapshot of
// that moment. A disabled endpoint stays a target: its deliveries wait.
#pragma once
#include <string>
#include <unordered_map>
#include <vector>

#include "catalog/snapshot.h"
#include "model/message.h"
#include "model/targets.h"

namespace posthorn::route {

// True when the filters of the endpoint let the message through: no event types or its own among
// them; no channels or one in common.
bool matches(const model::Endpoint& endpoint, const model::Message& message);

// Remembers the target sets of recent (application, event type) pairs, so that a stream of alike
// messages shares one set. One per shard; bounded.
class Matcher {
 public:
  model::Targets match(const catalog::AppRef& app, const model::Message& message);

 private:
  static constexpr size_t kAppsMax = 4096;
  static constexpr size_t kSetsPerAppMax = 16;
  struct AppSets {
    catalog::AppRef app;  // the very object the sets were made for; a change makes another
    std::vector<std::pair<std::string, model::Targets>> sets;  // by event type, without channels
  };
  std::unordered_map<AppId, AppSets> recent_;
};

}  // namespace posthorn::route

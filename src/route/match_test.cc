#include "route/match.h"

#include <gtest/gtest.h>

namespace posthorn::route {
namespace {

catalog::EndpointRef endpoint(uint8_t number, std::vector<std::string> types,
                              std::vector<std::string> channels, bool disabled = false) {
  auto made = std::make_shared<model::Endpoint>();
  made->id.bytes.raw[19] = number;
  made->event_types = std::move(types);
  made->channels = std::move(channels);
  made->disabled = disabled;
  return made;
}

catalog::AppRef app_of(const std::vector<catalog::EndpointRef>& endpoints) {
  auto app = std::make_shared<catalog::AppState>();
  app->app.id.bytes.raw[19] = 1;
  for (const auto& e : endpoints) app->endpoints = app->endpoints.with(e->id, e);
  return app;
}

model::Message message(std::string type, std::vector<std::string> channels = {}) {
  model::Message made;
  made.event_type = std::move(type);
  made.channels = std::move(channels);
  return made;
}

TEST(Match, EventTypesAndChannelsMustBothAgree) {
  const auto plain = endpoint(1, {}, {});
  const auto typed = endpoint(2, {"a", "b"}, {});
  const auto channelled = endpoint(3, {}, {"x"});
  EXPECT_TRUE(matches(*plain, message("z")));
  EXPECT_TRUE(matches(*typed, message("b")));
  EXPECT_FALSE(matches(*typed, message("c")));
  EXPECT_FALSE(matches(*channelled, message("a")));
  EXPECT_TRUE(matches(*channelled, message("a", {"y", "x"})));
  EXPECT_FALSE(matches(*channelled, message("a", {"y"})));
}

TEST(Match, ADisabledEndpointStaysATarget) {
  Matcher matcher;
  const auto app = app_of({endpoint(1, {}, {}, true)});
  EXPECT_EQ(matcher.match(app, message("a"))->size(), 1u);
}

TEST(Match, AlikeMessagesShareOneSetUntilTheConfigurationChanges) {
  Matcher matcher;
  const auto app = app_of({endpoint(1, {"a"}, {}), endpoint(2, {}, {})});
  const auto first = matcher.match(app, message("a"));
  EXPECT_EQ(first->size(), 2u);
  EXPECT_EQ(matcher.match(app, message("a")), first);
  EXPECT_EQ(matcher.match(app, message("b"))->size(), 1u);
  const auto changed = app_of({endpoint(1, {"a"}, {})});
  EXPECT_EQ(matcher.match(changed, message("a"))->size(), 1u);
  EXPECT_EQ(matcher.match(changed, message("b"))->size(), 0u);
}

}  // namespace
}  // namespace posthorn::route

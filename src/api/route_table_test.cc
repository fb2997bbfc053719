// Which route a path names, and which it does not.
#include "api/route_table.h"

#include <gtest/gtest.h>

namespace posthorn::api {
namespace {

using wire::HttpMethod;

RouteTable table() {
  RouteTable routes;
  routes.add(HttpMethod::kGet, "/");
  routes.add(HttpMethod::kGet, "/app/{app}/msg/{msg}");
  routes.add(HttpMethod::kPost, "/app/{app}/msg/batch");
  routes.add(HttpMethod::kPost, "/app/{app}/msg");
  routes.add(HttpMethod::kGet, "/app/{app}/msg");
  return routes;
}

TEST(RouteTable, FindsRoutesAndTheirPlaces) {
  const RouteTable routes = table();
  EXPECT_EQ(routes.find(HttpMethod::kGet, "/").route, 0u);
  const auto found = routes.find(HttpMethod::kGet, "/app/a-1/msg/msg_2");
  EXPECT_EQ(found.route, 1u);
  ASSERT_EQ(found.params.count, 2u);
  EXPECT_EQ(found.params[0], "a-1");
  EXPECT_EQ(found.params[1], "msg_2");
  EXPECT_EQ(routes.find(HttpMethod::kHead, "/app/a/msg").route, 4u);
}

TEST(RouteTable, PrefersALiteralOfTheSameMethod) {
  const RouteTable routes = table();
  EXPECT_EQ(routes.find(HttpMethod::kPost, "/app/a/msg/batch").route, 2u);
  const auto read = routes.find(HttpMethod::kGet, "/app/a/msg/batch");
  EXPECT_EQ(read.route, 1u);
  EXPECT_EQ(read.params[1], "batch");
}

TEST(RouteTable, TellsAWrongMethodFromAnUnknownPath) {
  const RouteTable routes = table();
  const auto wrong = routes.find(HttpMethod::kDelete, "/app/a/msg");
  EXPECT_EQ(wrong.route, RouteTable::Found::kNone);
  EXPECT_TRUE(wrong.path_known);
  EXPECT_EQ(routes.allowed("/app/a/msg"), "POST, GET, HEAD");
  for (const std::string_view path :
       {"", "app", "//", "/app", "/app//msg", "/app/a/msg/", "/app/a/msg//", "/app/a/msg/b/c",
        "/a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p"}) {
    const auto unknown = routes.find(HttpMethod::kGet, path);
    EXPECT_EQ(unknown.route, RouteTable::Found::kNone) << path;
    EXPECT_FALSE(unknown.path_known) << path;
    EXPECT_EQ(routes.allowed(path), "") << path;
  }
}

TEST(RouteTable, CutsATargetIntoPathAndQuery) {
  EXPECT_EQ(trimmed_path("/a/b/?x=/"), "/a/b");
  EXPECT_EQ(trimmed_path("/"), "/");
  EXPECT_EQ(trimmed_path("/?"), "/");
  EXPECT_EQ(query_of("/a?b=c?d"), "b=c?d");
  EXPECT_EQ(query_of("/a"), "");
}

}  // namespace
}  // namespace posthorn::api

#include "catalog/snapshot.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <new>

namespace {
thread_local uint64_t allocations = 0;
}

// Counts what this program allocates, for the promise that lookups allocate nothing.
[[gnu::noinline]] void* operator new(size_t bytes) {
  ++allocations;
  if (void* memory = std::malloc(bytes == 0 ? 1 : bytes)) return memory;
  std::abort();
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, size_t) noexcept { std::free(memory); }

namespace posthorn::catalog {
namespace {

template <typename IdType>
IdType id_of(uint8_t number) {
  IdType id;
  id.bytes.raw.fill(number);
  return id;
}

// Organization 1 with application 1 ("a-uid-that-is-not-short") and its endpoint 1; organization 2
// with application 2 of the same uid.
Snapshot make_snapshot() {
  Snapshot snapshot;
  for (uint8_t number = 1; number <= 2; ++number) {
    auto endpoint = std::make_shared<model::Endpoint>();
    endpoint->id = id_of<EndpointId>(number);
    endpoint->app = id_of<AppId>(number);
    endpoint->uid = "an-endpoint-uid-of-some-length";
    auto state = std::make_shared<AppState>();
    state->app.id = endpoint->app;
    state->app.organization = id_of<OrganizationId>(number);
    state->app.uid = "a-uid-that-is-not-short";
    state->endpoints = state->endpoints.with(endpoint->id, endpoint);
    state->endpoint_uids = state->endpoint_uids.with(endpoint->uid, endpoint->id);
    snapshot.endpoint_apps = snapshot.endpoint_apps.with(endpoint->id, endpoint->app);
    snapshot.apps = snapshot.apps.with(state->app.id, state);
    snapshot.app_uids =
        snapshot.app_uids.with(AppUid{state->app.organization, state->app.uid}, state->app.id);
  }
  return snapshot;
}

TEST(Snapshot, FindsWithinAnOrganizationOnly) {
  const Snapshot snapshot = make_snapshot();
  const auto one = id_of<OrganizationId>(1);
  const auto two = id_of<OrganizationId>(2);
  EXPECT_EQ(snapshot.find_app(one, "a-uid-that-is-not-short")->app.id, id_of<AppId>(1));
  EXPECT_EQ(snapshot.find_app(two, "a-uid-that-is-not-short")->app.id, id_of<AppId>(2));
  EXPECT_EQ(snapshot.find_app(one, id_of<AppId>(2).text()), nullptr);
  EXPECT_EQ(snapshot.app(id_of<AppId>(1))->find_endpoint(id_of<EndpointId>(2).text()), nullptr);
  EXPECT_EQ(snapshot.find_app(one, ""), nullptr);
  EXPECT_EQ(snapshot.find_app(one, "app_"), nullptr);
  EXPECT_EQ(snapshot.endpoint(id_of<EndpointId>(3)), nullptr);
}

TEST(Snapshot, LookupsAllocateNothing) {
  const Snapshot snapshot = make_snapshot();
  const auto organization = id_of<OrganizationId>(1);
  const std::string app_text = id_of<AppId>(1).text();
  const std::string endpoint_text = id_of<EndpointId>(1).text();
  const uint64_t before = allocations;
  const AppRef by_id = snapshot.find_app(organization, app_text);
  const AppRef by_uid = snapshot.find_app(organization, "a-uid-that-is-not-short");
  const AppRef missing = snapshot.find_app(organization, "another-uid-that-is-not-there");
  const EndpointRef endpoint = by_id->find_endpoint(endpoint_text);
  const EndpointRef endpoint_by_uid = by_id->find_endpoint("an-endpoint-uid-of-some-length");
  const EndpointRef direct = snapshot.endpoint(id_of<EndpointId>(1));
  EXPECT_EQ(allocations, before);
  EXPECT_GT(before, 0u) << "nothing is counted";
  EXPECT_NE(by_id, nullptr);
  EXPECT_EQ(by_uid, by_id);
  EXPECT_EQ(missing, nullptr);
  EXPECT_NE(endpoint, nullptr);
  EXPECT_EQ(endpoint_by_uid, endpoint);
  EXPECT_EQ(direct, endpoint);
}

}  // namespace
}  // namespace posthorn::catalog

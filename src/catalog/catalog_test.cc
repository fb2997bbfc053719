#include "catalog/catalog.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "catalog/secret_box.h"
#include "catalog/testing/pump_host.h"

namespace posthorn::catalog {
namespace {

using testing::StartsWith;

ApplicationSpec app_named(std::string name, std::string uid = "") {
  ApplicationSpec spec;
  spec.name = std::move(name);
  spec.uid = std::move(uid);
  return spec;
}

EndpointSpec endpoint_at(std::string url, std::string uid = "") {
  EndpointSpec spec;
  spec.url = std::move(url);
  spec.uid = std::move(uid);
  return spec;
}

class CatalogTest : public testing::Test {
 protected:
  void SetUp() override { open(CatalogOptions{}); }

  void open(CatalogOptions options) {
    auto store = store::open_config_store(host_, "memory", "");
    ASSERT_TRUE(store.ok());
    auto opened = Catalog::open(host_, std::move(store).value(), nullptr, std::move(options));
    ASSERT_TRUE(opened.ok()) << opened.error().message;
    catalog_ = std::move(opened).value();
  }

  // Runs worker and reply loop until nothing is left.
  void settle() {
    while (host_.run_worker() || reply_.queue.run()) continue;
  }

  Result<Created<AppRef>> make_app(ApplicationSpec spec) {
    std::optional<Result<Created<AppRef>>> answer;
    catalog_->create_application(default_organization(), std::move(spec), reply_,
                                 [&](auto result) { answer = std::move(result); });
    settle();
    CHECK(answer.has_value());
    return std::move(*answer);
  }
  Result<EndpointRef> make_endpoint(const AppId& app, EndpointSpec spec) {
    std::optional<Result<EndpointRef>> answer;
    catalog_->create_endpoint(app, std::move(spec), reply_,
                              [&](auto result) { answer = std::move(result); });
    settle();
    CHECK(answer.has_value());
    return std::move(*answer);
  }
  AppId app_id() { return make_app(app_named("an app")).value().value->app.id; }

  PumpHost host_;
  PumpLoop reply_{host_.clock()};
  std::unique_ptr<Catalog> catalog_;
};

TEST_F(CatalogTest, MakesTheDefaultOrganizationAtFirstStart) {
  EXPECT_EQ(default_organization().text(), "org_23rb8YdGqMT0qIzpgGwdXfHirMu");
  EXPECT_NE(catalog_->snapshot()->organizations.find(default_organization()), nullptr);
}

TEST_F(CatalogTest, FindsAnApplicationByIdAndByUid) {
  const AppRef app = make_app(app_named("Acme", "acme")).value().value;
  const SnapshotRef snapshot = catalog_->snapshot();
  EXPECT_EQ(snapshot->find_app(default_organization(), app->app.id.text()), app);
  EXPECT_EQ(snapshot->find_app(default_organization(), "acme"), app);
  EXPECT_EQ(snapshot->find_app(default_organization(), "other"), nullptr);
  const OrganizationId stranger{IdBytes::from_raw(std::string(20, 'x'))};
  EXPECT_EQ(snapshot->find_app(stranger, app->app.id.text()), nullptr);
  EXPECT_EQ(snapshot->find_app(stranger, "acme"), nullptr);
}

TEST_F(CatalogTest, RefusesATakenUidUnlessAskedToGetIt) {
  const AppRef first = make_app(app_named("Acme", "acme")).value().value;
  const uint64_t version = catalog_->snapshot()->version;
  EXPECT_EQ(make_app(app_named("Other", "acme")).error().code, Errc::kConflict);
  ApplicationSpec same = app_named("Other", "acme");
  same.get_if_exists = true;
  const auto again = make_app(same);
  ASSERT_TRUE(again.ok());
  EXPECT_TRUE(again.value().existed);
  EXPECT_EQ(again.value().value, first);
  EXPECT_EQ(catalog_->snapshot()->version, version);
}

TEST_F(CatalogTest, MakesAnEndpointWithAGeneratedSecret) {
  const AppId app = app_id();
  EndpointSpec spec = endpoint_at("https://example.com/hook", "main");
  spec.event_types = {"b.made", "a.made", "b.made"};
  const EndpointRef made = make_endpoint(app, spec).value();
  EXPECT_THAT(made->secrets.at(0).key, StartsWith("whsec_"));
  EXPECT_EQ(made->secrets.at(0).key.size(), 6u + 32);
  EXPECT_EQ(made->event_types, (std::vector<std::string>{"a.made", "b.made"}));
  const SnapshotRef snapshot = catalog_->snapshot();
  EXPECT_EQ(snapshot->endpoint(made->id), made);
  EXPECT_EQ(snapshot->app(app)->find_endpoint("main"), made);
  EXPECT_EQ(snapshot->app(app)->find_endpoint(made->id.text()), made);
  EXPECT_EQ(make_endpoint(app, endpoint_at("https://example.com", "main")).error().code,
            Errc::kConflict);
  EXPECT_EQ(make_endpoint(AppId{}, endpoint_at("https://example.com")).error().code,
            Errc::kNotFound);
}

TEST_F(CatalogTest, MakesEd25519SecretsWhenConfigured) {
  CatalogOptions options;
  options.secret_type = SecretType::kEd25519;
  open(std::move(options));
  const EndpointRef made = make_endpoint(app_id(), endpoint_at("https://example.com")).value();
  const std::string key = made->secrets.at(0).key;
  EXPECT_THAT(key, StartsWith("whsk_"));
  // What was generated is accepted when it is given.
  EndpointSpec spec = endpoint_at("https://example.com");
  spec.secret = key;
  EXPECT_EQ(make_endpoint(app_id(), spec).value()->secrets.at(0).key, key);
}

TEST_F(CatalogTest, AnswersOnlyWhenEveryAttachedLoopHasReceived) {
  PumpLoop one(host_.clock());
  PumpLoop two(host_.clock());
  std::vector<uint64_t> seen_one;
  std::vector<uint64_t> seen_two;
  catalog_->attach(one, [&](const SnapshotRef& s) { seen_one.push_back(s->version); });
  catalog_->attach(two, [&](const SnapshotRef& s) { seen_two.push_back(s->version); });
  const uint64_t first = catalog_->snapshot()->version;
  EXPECT_EQ(seen_one, std::vector<uint64_t>{first});

  bool answered = false;
  catalog_->create_application(default_organization(), app_named("a"), reply_, [&](auto result) {
    EXPECT_TRUE(result.ok());
    answered = true;
  });
  host_.run_worker();
  reply_.queue.run();
  EXPECT_FALSE(answered);
  one.queue.run();
  reply_.queue.run();
  EXPECT_FALSE(answered);
  two.queue.run();
  EXPECT_FALSE(answered);  // the answer runs on the loop it was asked for
  reply_.queue.run();
  EXPECT_TRUE(answered);
  EXPECT_EQ(seen_one, (std::vector<uint64_t>{first, first + 1}));
  EXPECT_EQ(seen_two, seen_one);
}

TEST_F(CatalogTest, RefusesMoreChangesThanItsLimit) {
  CatalogOptions options;
  options.limits.changes_max = 2;
  open(std::move(options));
  std::vector<Errc> codes;
  for (int number = 0; number < 3; ++number) {
    catalog_->create_application(default_organization(), app_named("a"), reply_, [&](auto result) {
      codes.push_back(result.ok() ? Errc{} : result.error().code);
    });
  }
  settle();
  EXPECT_EQ(codes, (std::vector<Errc>{Errc::kOverloaded, Errc{}, Errc{}}));
  EXPECT_TRUE(make_app(app_named("after")).ok());
}

TEST_F(CatalogTest, DisablesAndDeletesAnEndpoint) {
  const AppId app = app_id();
  const EndpointRef made = make_endpoint(app, endpoint_at("https://example.com", "main")).value();
  std::vector<Status> answers;
  const auto keep = [&](Status status) { answers.push_back(std::move(status)); };
  catalog_->set_endpoint_disabled(made->id, true, reply_, keep);
  settle();
  EXPECT_TRUE(catalog_->snapshot()->endpoint(made->id)->disabled);
  EXPECT_EQ(catalog_->snapshot()->endpoint(made->id)->secrets.at(0).key, made->secrets.at(0).key);
  catalog_->delete_endpoint(made->id, reply_, keep);
  settle();
  EXPECT_EQ(catalog_->snapshot()->endpoint(made->id), nullptr);
  EXPECT_EQ(catalog_->snapshot()->app(app)->find_endpoint("main"), nullptr);
  catalog_->delete_endpoint(made->id, reply_, keep);
  settle();
  ASSERT_EQ(answers.size(), 3u);
  EXPECT_TRUE(answers[0].ok());
  EXPECT_TRUE(answers[1].ok());
  EXPECT_EQ(answers[2].error().code, Errc::kNotFound);
  // The uid is free again.
  EXPECT_TRUE(make_endpoint(app, endpoint_at("https://example.com", "main")).ok());
}

TEST_F(CatalogTest, RefusalsNameTheField) {
  const AppId app = app_id();
  const auto refusal = [&](auto change) {
    EndpointSpec spec = endpoint_at("https://example.com");
    change(spec);
    auto result = make_endpoint(app, std::move(spec));
    EXPECT_FALSE(result.ok());
    if (result.ok()) return std::string();
    EXPECT_EQ(result.error().code, Errc::kInvalid);
    return result.error().message;
  };
  using Spec = EndpointSpec;
  EXPECT_THAT(refusal([](Spec& s) { s.url = "ftp://example.com"; }), StartsWith("url: "));
  EXPECT_THAT(refusal([](Spec& s) { s.url = "https://exa mple.com"; }), StartsWith("url: "));
  EXPECT_THAT(refusal([](Spec& s) { s.uid = "ep_mine"; }), StartsWith("uid: "));
  EXPECT_THAT(refusal([](Spec& s) { s.uid = "white space"; }), StartsWith("uid: "));
  EXPECT_THAT(refusal([](Spec& s) { s.uid = std::string(257, 'a'); }), StartsWith("uid: "));
  EXPECT_THAT(refusal([](Spec& s) { s.throttle_rate = 0; }), StartsWith("throttleRate: "));
  EXPECT_THAT(refusal([](Spec& s) { s.event_types = {"a b"}; }), StartsWith("eventTypes: "));
  EXPECT_THAT(refusal([](Spec& s) {
                for (char c = 'a'; c < 'l'; ++c) s.channels.emplace_back(1, c);
              }),
              StartsWith("channels: "));
  EXPECT_THAT(refusal([](Spec& s) { s.metadata["k"] = std::string(4096, 'v'); }),
              StartsWith("metadata: "));
  EXPECT_THAT(refusal([](Spec& s) { s.secret = "whsec_c2hvcnQ="; }), StartsWith("secret: "));
  EXPECT_THAT(refusal([](Spec& s) { s.secret = "whsk_" + std::string(88, 'A'); }),
              StartsWith("secret: "));
  EXPECT_THAT(make_app(app_named("")).error().message, StartsWith("name: "));
  EXPECT_THAT(make_app(app_named("a", "app_x")).error().message, StartsWith("uid: "));
  EXPECT_THAT(make_app(app_named(std::string("a\0b", 3))).error().message, StartsWith("name: "));
}

TEST_F(CatalogTest, RefusesHeadersThatTheDeliverySets) {
  const AppId app = app_id();
  const auto with_header = [&](std::string name, std::string value) {
    EndpointSpec spec = endpoint_at("https://example.com");
    spec.headers.push_back({std::move(name), std::move(value)});
    return make_endpoint(app, std::move(spec));
  };
  EXPECT_TRUE(with_header("Authorization", "Bearer abc def").ok());
  EXPECT_TRUE(with_header("X-Custom", "").ok());
  for (const char* name : {"Host", "content-LENGTH", "TE", "Connection", "webhook-id", "Svix-Id",
                           "x-amz-date", "Transfer-Encoding", "", "a b", "a:b"}) {
    EXPECT_FALSE(with_header(name, "v").ok()) << name;
  }
  EXPECT_FALSE(with_header("X-A", "one\r\nHost: two").ok());
  EXPECT_FALSE(with_header("X-A", std::string("nul\0", 4)).ok());
  EXPECT_FALSE(with_header("X-A", std::string(4097, 'v')).ok());
  EndpointSpec twice = endpoint_at("https://example.com");
  twice.headers = {{"X-A", "1"}, {"x-a", "2"}};
  EXPECT_FALSE(make_endpoint(app, twice).ok());
}

TEST_F(CatalogTest, IdsGrowAlsoWhenTheClockGoesBack) {
  IdBytes last = make_app(app_named("a")).value().value->app.id.bytes;
  for (int number = 0; number < 100; ++number) {
    host_.set_wall(WallTime{1'600'000'000'000'000 - number * 1'000'000});
    const IdBytes next = make_app(app_named("a")).value().value->app.id.bytes;
    EXPECT_GT(next, last);
    last = next;
  }
}

}  // namespace
}  // namespace posthorn::catalog

// The rig of rig.h.
#include "api/testing/rig.h"

#include "base/check.h"
#include "catalog/secret_box.h"
#include "store/config_store.h"
#include "wire/json.h"

namespace posthorn::api::testing {
namespace {

struct Answers : http::Responder::Target {
  void respond(uint64_t, http::Response response) override { got.push_back(std::move(response)); }
  std::vector<http::Response> got;
};

// A head as a parser would leave it: the fields are views into one text.
class Head {
 public:
  explicit Head(const std::vector<std::pair<std::string, std::string>>& fields) {
    for (const auto& [name, value] : fields) text_ += name + value;
    list_.rebase(text_.data());
    std::string_view rest = text_;
    for (const auto& [name, value] : fields) {
      list_.add(rest.substr(0, name.size()), rest.substr(name.size(), value.size()));
      rest.remove_prefix(name.size() + value.size());
    }
  }
  const wire::HeaderList& list() const { return list_; }

 private:
  std::string text_;
  wire::HeaderList list_;
};

}  // namespace

std::string Answer::header(std::string_view name) const {
  for (const auto& header : headers) {
    if (header.name == name) return header.value;
  }
  return {};
}

std::string member(const std::string& json, std::string_view name) {
  const auto value = wire::parse_json(json);
  wire::JsonObject object;
  if (!value.ok() || !object.assign(*value).ok() || object.find(name) == nullptr) return {};
  std::string scratch;
  return std::string(object.find(name)->text(scratch).value_or(""));
}

Rig::Rig() {
  loop = world.make_loop();
  reader = world.make_worker("reader", 64);
  auto config = store::open_config_store(world, "memory", "");
  CHECK(config.ok());
  auto opened = catalog::Catalog::open(world, std::move(*config), nullptr, {});
  CHECK(opened.ok());
  catalog = std::move(*opened);
  store::StoreOptions options;
  options.engine = "memory";
  auto log = store::open_store(world, std::move(options));
  CHECK(log.ok());
  store = std::move(*log);
  api = std::make_unique<Api>(ApiDeps{*loop, *catalog, *store, *reader, auth,
                                      [this] { return catalog->snapshot(); },
                                      [this] { return accepting; }, "1.2.3"});
  api->mount(routes);
}

Rig::~Rig() {
  // Everything that was made from the world goes before it.
  api.reset();
  catalog.reset();
  store.reset();
  reader.reset();
  loop.reset();
}

std::string Rig::token_of(const model::Caller& caller) const {
  return make_token("the secret of the tests, long enough",
                    {caller, world.clock().wall(), seconds{3600}});
}

Answer Rig::ask(const Ask& ask) {
  auto fields = ask.headers;
  if (!ask.token.empty()) {
    std::string token = ask.token;
    const auto app = AppId::parse(token);
    if (app) token = token_of({catalog::default_organization(), *app});
    if (token == "org") token = token_of({catalog::default_organization(), std::nullopt});
    fields.emplace_back("authorization", "Bearer " + token);
  }
  const Head head(fields);
  http::Request request;
  request.method = ask.method;
  request.target = ask.target;
  request.path = std::string_view(ask.target).substr(0, ask.target.find('?'));
  request.query = query_of(ask.target);
  request.body = ask.body;
  request.headers = &head.list();
  auto answers = std::make_shared<Answers>();
  routes.dispatch(request, http::Responder(answers, 0));
  world.run_until([&] { return !answers->got.empty(); }, seconds{60});
  CHECK(answers->got.size() == 1, "one answer, not {}", answers->got.size());
  http::Response& response = answers->got.front();
  return Answer{response.status, std::move(response.body), std::move(response.headers)};
}

std::string Rig::make_app(const std::string& body) {
  const Answer answer = post("/api/v1/app", body);
  CHECK(answer.status == 201, "{}", answer.body);
  return member(answer.body, "id");
}

std::string Rig::make_endpoint(const std::string& app, const std::string& body) {
  const Answer answer = post("/api/v1/app/" + app + "/endpoint", body);
  CHECK(answer.status == 201, "{}", answer.body);
  return member(answer.body, "id");
}

store::ItemResult Rig::append(store::Item item) {
  std::optional<store::AppendResult> result;
  store::Batch batch;
  batch.items.push_back(std::move(item));
  const Status status =
      store->log().append(std::move(batch), *loop, [&](auto r) { result.emplace(std::move(r)); });
  CHECK(status.ok());
  world.run_until([&] { return result.has_value(); }, seconds{60});
  CHECK(result && result->ok(), "not appended");
  // Ids differ in time from here on.
  world.run_for(milliseconds{10});
  return (**result)[0];
}

store::MessageRef Rig::append(model::Message message) {
  auto shared = std::make_shared<model::Message>(std::move(message));
  if (shared->targets == nullptr) {
    shared->targets = std::make_shared<const model::TargetSet>(std::vector<EndpointId>{});
  }
  append(store::Item(store::NewMessage{shared}));
  return shared;
}

AttemptId Rig::append(model::Attempt attempt) {
  return AttemptId{append(store::Item(store::NewAttempt{std::move(attempt)})).id};
}

}  // namespace posthorn::api::testing

// What one post costs between the server and the log: checked, read, identified, matched to a
// fixed set, answered. The log is a fake that commits at once.
#include <benchmark/benchmark.h>

#include "ingest/http_ingest.h"
#include "ingest/testing/fakes.h"

namespace posthorn::ingest {
namespace {

// Answers at once and remembers nothing.
class InstantLog : public testing::FakeLog {
 public:
  Status append(store::Batch&& batch, io::Loop&, OnAppended on_appended) override {
    std::vector<store::ItemResult> results(batch.items.size());
    for (auto& result : results) result.seq = Seq{++last_};
    on_appended(std::move(results));
    return {};
  }
  bool surely_new(const model::DedupeKey&) const override { return true; }

 private:
  uint64_t last_ = 0;
};

struct Sink : http::Responder::Target {
  void respond(uint64_t, http::Response response) override {
    bytes += response.body.size();
    status = response.status;
  }
  size_t bytes = 0;
  int status = 0;
};

class Rig {
 public:
  explicit Rig(bool with_key) {
    caller_.organization.bytes.raw[19] = 5;
    auto app = std::make_shared<catalog::AppState>();
    app->app.id.bytes.raw[19] = 1;
    app->app.organization = caller_.organization;
    auto snapshot = std::make_shared<catalog::Snapshot>();
    snapshot->apps = snapshot->apps.with(app->app.id, app);
    snapshot_ = snapshot;
    app_text_ = app->app.id.text();
    targets_ = std::make_shared<const model::TargetSet>(std::vector<EndpointId>{EndpointId{}});
    path_ = "/api/v1/app/" + app_text_ + "/msg";
    head_ = "authorizationBearer " + std::string(180, 't') + "idempotency-keyauto_" +
            std::string(36, 'k');
    const std::string_view head = head_;
    headers_.rebase(head.data());
    headers_.add(head.substr(0, 13), head.substr(13, 187));
    if (with_key) headers_.add(head.substr(200, 15), head.substr(215));
  }

  void post(const std::string& body, bool batch = false) {
    http::Request request;
    request.method = wire::HttpMethod::kPost;
    request.target = request.path = path_;
    request.body = body;
    request.headers = &headers_;
    http::Responder responder(sink, 0);
    if (batch) {
      ingest_.create_batch(request, std::move(responder), app_text_);
    } else {
      ingest_.create(request, std::move(responder), app_text_);
    }
  }

  std::shared_ptr<Sink> sink = std::make_shared<Sink>();

 private:
  testing::FakeLoop loop_;
  testing::FakeWorker reader_;
  InstantLog log_;
  model::Caller caller_;
  catalog::SnapshotRef snapshot_;
  model::Targets targets_;
  std::string app_text_, path_, head_;
  wire::HeaderList headers_;
  Intake intake_{
      IntakeDeps{loop_, log_, reader_, [this] { return snapshot_; },
                 [this](const catalog::AppRef&, const model::Message&) { return targets_; }}};
  HttpIngest ingest_{
      HttpIngestDeps{intake_, loop_, [this] { return snapshot_; },
                     [this](std::string_view) -> Result<model::Caller> { return caller_; },
                     [](const model::Refusal&) { return http::Response{.status = 500}; },
                     [](std::string&, const model::Refusal&) {}},
      HttpIngestLimits{}};
};

// A payload of about one KiB with some structure.
std::string message_body() {
  std::string payload = "{\"user\":{\"id\":12345,\"name\":\"someone\"},\"items\":[";
  for (int i = 0; i < 20; ++i) {
    payload +=
        (i == 0 ? "" : ",") + std::string("{\"sku\":\"abc-123\",\"count\":3,\"price\":12.50}");
  }
  payload += "],\"note\":\"" + std::string(100, 'n') + "\"}";
  return "{\"eventType\":\"invoice.paid\",\"payload\":" + payload + "}";
}

void single(benchmark::State& state) {
  Rig rig(state.range(0) != 0);
  const std::string body = message_body();
  for (auto _ : state) rig.post(body);
  if (rig.sink->status != 202) state.SkipWithError("not accepted");
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(body.size()));
}
BENCHMARK(single)->ArgName("key")->Arg(0)->Arg(1);

void batch_of_100(benchmark::State& state) {
  Rig rig(state.range(0) != 0);
  std::string body = "[";
  for (int i = 0; i < 100; ++i) body += (i == 0 ? "" : ",") + message_body();
  body += "]";
  for (auto _ : state) rig.post(body, true);
  if (rig.sink->status != 202) state.SkipWithError("not accepted");
  state.SetItemsProcessed(state.iterations() * 100);
}
BENCHMARK(batch_of_100)->ArgName("key")->Arg(0)->Arg(1);

}  // namespace
}  // namespace posthorn::ingest

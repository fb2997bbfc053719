// Test driver of a store.
#include "store/conformance/store_driver.h"

#include <gtest/gtest.h>

namespace posthorn::store {
namespace {
constexpr nanoseconds kPatience = std::chrono::hours{1};  // virtual

IdBytes test_id(uint8_t kind, uint64_t number) {
  IdBytes id;
  id.set_time(WallTime{1'600'000'000'000'000});
  id.raw[8] = kind;
  for (size_t i = 0; i < sizeof number; ++i) {
    id.raw[IdBytes::kSize - 1 - i] = static_cast<uint8_t>(number >> (8 * i));
  }
  return id;
}
}  // namespace

StoreDriver::StoreDriver(io::sim::World& world, std::string engine)
    : world_(world), loop_(world.make_loop()) {
  options.engine = std::move(engine);
  options.directory = "/data";
  options.limits.segment_bytes = 256u << 10;
  options.limits.group_bytes_max = 64u << 10;
  options.limits.commit_queue_bytes_max = 1u << 20;
  options.limits.low_space_bytes = 1u << 20;
}

StoreDriver::~StoreDriver() {
  store_.reset();
  settle();
}

Status StoreDriver::open() {
  if (store_) PH_TRY(close());
  StoreOptions now;
  now.engine = options.engine;
  now.directory = options.directory;
  now.limits = options.limits;
  now.on_fatal = [this] { ++fatal_calls; };
  auto opened = open_store(world_, std::move(now));
  if (!opened.ok()) return std::move(opened).error();
  store_ = std::move(opened).value();
  return {};
}

Status StoreDriver::close() {
  settle();
  Status closed = store_->close();
  store_.reset();
  settle();
  return closed;
}

void StoreDriver::abandon() { store_.reset(); }

AppendResult StoreDriver::append(Batch batch) {
  std::optional<AppendResult> answer;
  PH_TRY(start(std::move(batch), answer));
  if (!world_.run_until([&] { return answer.has_value(); }, kPatience)) {
    return error(Errc::kTimeout, "the append was never answered");
  }
  return std::move(*answer);
}

Status StoreDriver::start(Batch batch, std::optional<AppendResult>& to) {
  return store_->log().append(std::move(batch), *loop_,
                              [&to](AppendResult result) { to.emplace(std::move(result)); });
}

Status StoreDriver::drop_known(Batch& batch) {
  std::vector<Item> kept;
  for (Item& item : batch.items) {
    bool known = false;
    if (const auto* message = std::get_if<NewMessage>(&item)) {
      for (const auto& key : {message->message->idempotency, message->message->event_id_key}) {
        if (key.empty() || store_->log().surely_new(key)) continue;
        PH_ASSIGN(const auto first, store_->log().find_duplicate(key));
        known |= first.has_value();
      }
    }
    if (!known) kept.push_back(std::move(item));
  }
  batch.items = std::move(kept);
  return {};
}

void StoreDriver::settle() { world_.run_for(seconds{10}); }

Status StoreDriver::maintain() {
  constexpr int kStepsMax = 10'000;
  for (int step = 0; step < kStepsMax; ++step) {
    PH_ASSIGN(const bool more, store_->maintain());
    settle();
    if (!more) return {};
  }
  return error(Errc::kTimeout, "maintenance does not come to an end");
}

MessageRef StoreDriver::post(model::Message message) {
  auto shared = std::make_shared<model::Message>(std::move(message));
  Batch batch;
  batch.items.emplace_back(NewMessage{shared});
  const AppendResult result = append(std::move(batch));
  if (!result.ok() || result->front().verdict != Verdict::kCommitted) return nullptr;
  return shared;
}

model::Attempt StoreDriver::attempt(model::Attempt attempt) {
  Batch batch;
  batch.items.emplace_back(NewAttempt{attempt});
  const AppendResult results = append(std::move(batch));
  EXPECT_TRUE(results.ok()) << (results.ok() ? "" : results.error().message);
  if (!results.ok()) return attempt;
  attempt.seq = results->front().seq;
  attempt.id.bytes = results->front().id;
  attempt.recorded_at = results->front().at;
  return attempt;
}

Seq StoreDriver::command(model::Command command) {
  Batch batch;
  batch.items.emplace_back(NewCommand{command});
  const AppendResult result = append(std::move(batch));
  EXPECT_TRUE(result.ok()) << (result.ok() ? "" : result.error().message);
  return result.ok() ? result->front().seq : Seq{};
}

AppId test_app(uint64_t number) { return AppId{test_id(1, number)}; }
EndpointId test_endpoint(uint64_t number) { return EndpointId{test_id(2, number)}; }

model::DedupeKey test_key(uint64_t number) {
  model::DedupeKey key;
  Rng rng(number);
  rng.fill(key.bytes);
  return key;
}

model::Targets targets(const std::vector<uint64_t>& endpoints) {
  std::vector<EndpointId> ids;
  ids.reserve(endpoints.size());
  for (const uint64_t number : endpoints) ids.push_back(test_endpoint(number));
  return std::make_shared<const model::TargetSet>(std::move(ids));
}

model::Message message_to(uint64_t app, const std::vector<uint64_t>& endpoints,
                          std::string payload) {
  model::Message message;
  message.app = test_app(app);
  message.event_type = "test.event";
  message.targets = targets(endpoints);
  message.payload = std::move(payload);
  return message;
}

model::Attempt attempt_of(const model::Message& message, uint64_t endpoint,
                          model::DeliveryState state_after) {
  model::Attempt attempt;
  attempt.app = message.app;
  attempt.endpoint = test_endpoint(endpoint);
  attempt.message = message.id;
  attempt.message_seq = message.seq;
  attempt.lane_floor = message.seq;
  attempt.url = "https://example.com/";
  attempt.state_after = state_after;
  const bool delivered = state_after == model::DeliveryState::kDelivered;
  attempt.outcome.kind =
      delivered ? model::OutcomeKind::kDelivered : model::OutcomeKind::kHttpError;
  attempt.outcome.status = delivered ? 200 : 500;
  attempt.outcome.response = delivered ? "" : "no";
  return attempt;
}

Batch batch_of(model::Message message) {
  Batch batch;
  batch.items.emplace_back(NewMessage{std::make_shared<model::Message>(std::move(message))});
  return batch;
}

}  // namespace posthorn::store

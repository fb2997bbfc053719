// Making up operations.
#include "store/conformance/random_load.h"

#include <algorithm>

namespace posthorn::store {
namespace {

constexpr uint64_t kApps = 3;
constexpr uint64_t kEndpointsPerApp = 4;
constexpr uint64_t kFirstDueSeconds = 1;
constexpr uint64_t kDueSecondsSpan = 7200;

uint64_t endpoint_number(uint64_t app, uint64_t index) { return app * 100 + index; }

// The first message of the lane without a first try: a floor that is true.
Seq true_floor(const MemoryModel& model, const EndpointId& endpoint) {
  for (const auto& [seq, message] : model.messages()) {
    if (message->deliver_at.us != 0 || !message->targets->contains(endpoint)) continue;
    if (model.delivery(seq, endpoint)->attempts == 0) return seq;
  }
  return model.last().next();
}

}  // namespace

model::Message RandomLoad::message(WallTime now) {
  const uint64_t app = 1 + rng_.below(kApps);
  std::vector<uint64_t> endpoints;
  for (uint64_t i = 0; i < kEndpointsPerApp; ++i) {
    if (rng_.below(2) == 0) endpoints.push_back(endpoint_number(app, i));
  }
  const size_t bytes = rng_.below(10) == 0 ? rng_.below(mix_.payload_bytes_max) : rng_.below(64);
  std::string payload(bytes, '\0');
  rng_.fill({reinterpret_cast<uint8_t*>(payload.data()), payload.size()});
  model::Message made = message_to(app, endpoints, payload);
  made.event_type = rng_.below(2) == 0 ? "a.happened" : "b.happened";
  if (rng_.below(4) == 0) made.channels = {"channel"};
  if (rng_.below(4) == 0) made.tags = {"tag"};
  if (rng_.below(8) == 0) made.deliver_at = now + seconds{rng_.below(kDueSecondsSpan)};
  if (rng_.below(8) == 0) made.payload_retention_hours = static_cast<uint32_t>(1 + rng_.below(48));
  // Some keys come twice.
  if (rng_.below(3) == 0) made.idempotency = test_key(rng_.below(4) == 0 ? keys_ : ++keys_);
  if (rng_.below(6) == 0) made.event_id_key = test_key(1'000'000 + ++keys_);
  return made;
}

MessageRef RandomLoad::any_message(const MemoryModel& model) {
  if (model.messages().empty()) return nullptr;
  // The newest ones more often.
  const uint64_t newest = model.messages().rbegin()->first.value;
  const uint64_t back = rng_.below(3) == 0 ? rng_.below(newest) : rng_.below(newest / 8 + 1);
  auto at = model.messages().upper_bound(Seq{newest - back});
  if (at != model.messages().begin()) --at;
  return at->second;
}

std::optional<model::Attempt> RandomLoad::attempt(const MemoryModel& model, WallTime now) {
  const MessageRef message = any_message(model);
  if (!message || message->targets->size() == 0) return std::nullopt;
  const auto& endpoints = message->targets->endpoints();
  const EndpointId endpoint = endpoints[rng_.below(endpoints.size())];
  const model::Delivery delivery = *model.delivery(message->seq, endpoint);
  if (delivery.state != model::DeliveryState::kPending && rng_.below(8) != 0) return std::nullopt;
  constexpr model::DeliveryState kAfter[] = {
      model::DeliveryState::kDelivered, model::DeliveryState::kDelivered,
      model::DeliveryState::kPending, model::DeliveryState::kDead, model::DeliveryState::kFiltered};
  model::Attempt made = attempt_of(*message, 0, kAfter[rng_.below(std::size(kAfter))]);
  made.endpoint = endpoint;
  made.number = static_cast<uint16_t>(delivery.attempts + 1);
  made.scheduled_due = delivery.next_due;
  made.lane_floor = true_floor(model, endpoint);
  if (delivery.state != model::DeliveryState::kPending) made.trigger = model::Trigger::kManual;
  if (made.state_after == model::DeliveryState::kPending) {
    made.next_due = now + seconds{kFirstDueSeconds + rng_.below(kDueSecondsSpan)};
  }
  if (made.state_after == model::DeliveryState::kDead) made.cause = model::DeadCause::kExhausted;
  made.outcome.response = std::string(rng_.below(200), 'r');
  return made;
}

std::optional<model::Command> RandomLoad::command(const MemoryModel& model) {
  const MessageRef message = any_message(model);
  if (!message || message->targets->size() == 0) return std::nullopt;
  model::Command made;
  made.app = message->app;
  made.endpoint = message->targets->endpoints().front();
  constexpr model::CommandKind kKinds[] = {
      model::CommandKind::kCancelLane,      model::CommandKind::kExpireLane,
      model::CommandKind::kExpungePayload,  model::CommandKind::kExpungePayload,
      model::CommandKind::kExpungeResponse, model::CommandKind::kResend};
  made.kind = kKinds[rng_.below(std::size(kKinds) - (mix_.resends ? 0 : 1))];
  if (made.kind == model::CommandKind::kExpungeResponse) {
    if (model.attempts().empty()) return std::nullopt;
    auto at = model.attempts().begin();
    std::advance(at, static_cast<ptrdiff_t>(rng_.below(model.attempts().size())));
    made.attempt_seq = at->first;
    made.message_seq = at->second.message_seq;
    return made;
  }
  made.through = message->seq;
  made.message_seq = message->seq;
  return made;
}

Batch RandomLoad::next(const MemoryModel& model, WallTime now) {
  Batch batch;
  const uint64_t kind = rng_.below(20);
  if (kind == 0) {
    if (auto made = command(model)) batch.items.emplace_back(NewCommand{*made});
  } else if (kind < 9) {
    // One try per delivery and batch: numbers and floors are those of the model.
    if (auto made = attempt(model, now)) batch.items.emplace_back(NewAttempt{std::move(*made)});
  }
  const uint64_t messages = batch.items.empty() ? 1 + rng_.below(4) : rng_.below(2);
  for (uint64_t i = 0; i < messages; ++i) {
    batch.items.emplace_back(NewMessage{std::make_shared<model::Message>(message(now))});
  }
  return batch;
}

AppendResult append_next(RandomLoad& load, StoreDriver& driver, ModelTwin& twin) {
  Batch batch = load.next(twin.model(), driver.loop().clock().wall());
  PH_TRY(driver.drop_known(batch));
  twin.started(batch);
  AppendResult result = driver.append(std::move(batch));
  if (result.ok())
    twin.answered(*result);
  else if (result.error().code != Errc::kUnknownOutcome)
    twin.refused();
  return result;
}

}  // namespace posthorn::store

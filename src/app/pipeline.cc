// attempt → decide → settle → reschedule.
#include "app/pipeline.h"

namespace posthorn::app {
namespace {

schedule::Ended ended_of(const model::Outcome& outcome) {
  switch (outcome.kind) {
    case model::OutcomeKind::kDelivered:
      return schedule::Ended::kSuccess;
    case model::OutcomeKind::kConnectFailed:
    case model::OutcomeKind::kTimedOut:
      return schedule::Ended::kStalled;
    default:
      return schedule::Ended::kFailure;
  }
}

}  // namespace

struct Pipeline::Flight {
  model::Send send;
  model::Attempt attempt;
};

Pipeline::Pipeline(PipelineDeps deps, const PipelineOptions& options)
    : deps_(deps),
      retry_(options.retry),
      rng_(deps.seed),
      client_(deps.loop, deps.tls, options.client),
      deliverer_(deps.loop, client_, options.deliver),
      settle_(deps.loop, deps.store.log(), {}),
      scheduler_(
          {deps.loop, deps.reader, deps.store, deps.shard, deps.shards}, options.scheduler,
          [this](model::Send send) { attempt(std::move(send)); },
          [this](const EndpointId& endpoint) { return may_send(endpoint); }) {}

Pipeline::~Pipeline() { deps_.store.log().observe(deps_.loop, nullptr); }

void Pipeline::configure(catalog::SnapshotRef snapshot) {
  const bool first = snapshot_ == nullptr;
  snapshot_ = std::move(snapshot);
  if (!first) scheduler_.configuration_changed();
}

void Pipeline::begin(const std::vector<store::LaneRecord>& lanes) {
  deps_.store.log().observe(deps_.loop, &scheduler_);
  scheduler_.begin(lanes);
}

bool Pipeline::may_send(const EndpointId& endpoint) const {
  const catalog::EndpointRef known = snapshot_->endpoint(endpoint);
  return known != nullptr && !known->disabled;
}

Pipeline::Flight& Pipeline::take_flight(model::Send taken) {
  if (free_flights_.empty()) {
    flights_.push_back(std::make_unique<Flight>());
    free_flights_.push_back(flights_.back().get());
  }
  Flight& flight = *free_flights_.back();
  free_flights_.pop_back();
  flight.send = std::move(taken);
  const model::Send& send = flight.send;
  flight.attempt = model::Attempt{};
  model::Attempt& attempt = flight.attempt;
  attempt.app = send.app;
  attempt.endpoint = send.endpoint;
  attempt.message_seq = send.seq;
  attempt.number = send.number;
  attempt.trigger = send.trigger;
  attempt.started_at = scheduler_.now();
  attempt.scheduled_due = send.scheduled_due;
  attempt.config_version = snapshot_->version;
  if (send.message != nullptr) attempt.message = send.message->id;
  return flight;
}

void Pipeline::attempt(model::Send taken) {
  Flight& flight = take_flight(std::move(taken));
  const model::Send& send = flight.send;
  const catalog::EndpointRef endpoint = snapshot_->endpoint(send.endpoint);
  if (send.message == nullptr || send.message->payload_expunged || endpoint == nullptr) {
    deps_.loop.post([this, &flight] { abandon(flight); });
    return;
  }
  flight.attempt.url = endpoint->url;
  deliverer_.attempt(
      endpoint, send.message, flight.attempt.started_at,
      [this, &flight](model::Outcome outcome) { ended(flight, std::move(outcome)); });
}

void Pipeline::ended(Flight& flight, model::Outcome outcome) {
  const model::Next next =
      schedule::decide({outcome, flight.send.number, scheduler_.now(), rng_.unit()}, retry_);
  const schedule::Ended how = ended_of(outcome);
  flight.attempt.outcome = std::move(outcome);
  scheduler_.finished(flight.send, how);
  settle(flight, next);
}

// A delivery that cannot be tried at all ends here, visibly.
void Pipeline::abandon(Flight& flight) {
  flight.attempt.outcome.kind = model::OutcomeKind::kCancelled;
  flight.attempt.outcome.response = "the stored message cannot be read or its endpoint is gone";
  scheduler_.finished(flight.send, schedule::Ended::kFailure);
  settle(flight, {model::DeliveryState::kDead, model::DeadCause::kUnreadable, {}});
}

void Pipeline::settle(Flight& flight, const model::Next& next) {
  flight.attempt.state_after = next.state;
  flight.attempt.cause = next.cause;
  flight.attempt.next_due = next.due;
  flight.attempt.lane_floor = scheduler_.floor(flight.send.endpoint);
  flight.send.message.reset();
  settle_.record(std::move(flight.attempt),
                 [this, &flight, due = next.due](const store::ItemResult&) {
                   scheduler_.recorded(flight.send, due);
                   free_flights_.push_back(&flight);
                 });
}

void Pipeline::drain(Task done) {
  scheduler_.drain([this, done = std::move(done)]() mutable { settle_.drain(std::move(done)); });
}

}  // namespace posthorn::app

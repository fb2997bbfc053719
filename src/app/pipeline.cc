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

// What is known of an attempt before it has an outcome.
model::Attempt begin_attempt(const model::Send& send, WallTime now) {
  model::Attempt attempt;
  attempt.app = send.app;
  attempt.endpoint = send.endpoint;
  attempt.message_seq = send.seq;
  attempt.number = send.number;
  attempt.trigger = send.trigger;
  attempt.started_at = now;
  attempt.scheduled_due = send.scheduled_due;
  if (send.message != nullptr) attempt.message = send.message->id;
  return attempt;
}

}  // namespace

Pipeline::Pipeline(PipelineDeps deps, const PipelineOptions& options)
    : deps_(deps),
      retry_(options.retry),
      rng_(deps.seed),
      client_(deps.loop, deps.tls, options.client),
      deliverer_(deps.loop, client_, options.deliver),
      settle_(deps.loop, deps.store.log(), {}),
      scheduler_(
          {deps.loop, deps.reader, deps.store, deps.shard, deps.shards}, options.scheduler,
          [this](const model::Send& send) { attempt(send); },
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

void Pipeline::attempt(const model::Send& send) {
  const catalog::EndpointRef endpoint = snapshot_->endpoint(send.endpoint);
  if (send.message == nullptr || send.message->payload_expunged || endpoint == nullptr) {
    deps_.loop.post([this, send] { abandon(send, model::DeadCause::kUnreadable); });
    return;
  }
  const WallTime now = scheduler_.now();
  model::Attempt begun = begin_attempt(send, now);
  begun.config_version = snapshot_->version;
  begun.url = endpoint->url;
  deliverer_.attempt(endpoint, send.message, now,
                     [this, send, begun = std::move(begun)](model::Outcome outcome) {
                       ended(send, begun, std::move(outcome));
                     });
}

void Pipeline::ended(const model::Send& send, const model::Attempt& begun, model::Outcome outcome) {
  const model::Next next =
      schedule::decide({outcome, send.number, scheduler_.now(), rng_.unit()}, retry_);
  const schedule::Ended how = ended_of(outcome);
  model::Attempt attempt = begun;
  attempt.outcome = std::move(outcome);
  scheduler_.finished(send, how);
  settle(send, std::move(attempt), next);
}

// A delivery that cannot be tried at all ends here, visibly.
void Pipeline::abandon(const model::Send& send, model::DeadCause cause) {
  model::Attempt attempt = begin_attempt(send, scheduler_.now());
  attempt.outcome.kind = model::OutcomeKind::kCancelled;
  attempt.outcome.response = "the stored message cannot be read or its endpoint is gone";
  scheduler_.finished(send, schedule::Ended::kFailure);
  settle(send, std::move(attempt), {model::DeliveryState::kDead, cause, {}});
}

void Pipeline::settle(const model::Send& send, model::Attempt attempt, const model::Next& next) {
  attempt.state_after = next.state;
  attempt.cause = next.cause;
  attempt.next_due = next.due;
  attempt.lane_floor = scheduler_.floor(send.endpoint);
  settle_.record(std::move(attempt), [this, send](const model::Attempt& recorded) {
    scheduler_.recorded(send, recorded.next_due);
  });
}

void Pipeline::drain(Task done) {
  scheduler_.drain([this, done = std::move(done)]() mutable { settle_.drain(std::move(done)); });
}

}  // namespace posthorn::app

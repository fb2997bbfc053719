// What happened to deliveries: reads of attempts and of delivery states. All calls block; any
// thread but the loops.
#pragma once
#include <optional>
#include <vector>

#include "model/attempt.h"
#include "model/delivery.h"
#include "store/message_log.h"

namespace posthorn::store {

// Filters are conjunctive; unset means any.
struct AttemptQuery {
  AppId app;
  std::optional<EndpointId> endpoint;  // endpoint or message (or both) must be set
  std::optional<MessageId> message;
  std::optional<AttemptId> after;  // exclusive, in the direction of the order
  bool ascending = false;
  size_t limit = 50;
  WallTime since;
  WallTime before;
  std::optional<model::DeliveryState> state;  // the state that the attempt led to
  std::optional<int> status_class;            // 0, 100 … 500
};

struct DeliveryQuery {
  AppId app;
  EndpointId endpoint;
  std::optional<model::DeliveryState> state;
  std::optional<MessageId> after;
  bool ascending = false;
  size_t limit = 50;
  WallTime since;
  WallTime before;
};

struct DeliveryOfMessage {
  MessageRef message;
  model::Delivery delivery;
};

class AttemptHistory {
 public:
  virtual ~AttemptHistory() = default;
  virtual Result<model::Attempt> attempt(const AppId& app, const AttemptId& id) = 0;
  virtual Result<Page<model::Attempt>> list(const AttemptQuery& query) = 0;
  // One per target of the message, in the order of the target set.
  virtual Result<std::vector<model::Delivery>> deliveries(Seq message) = 0;
  virtual Result<model::Delivery> delivery(Seq message, const EndpointId& endpoint) = 0;
  // Deliveries of one endpoint by state; segments without one are skipped by their counts.
  virtual Result<Page<DeliveryOfMessage>> list(const DeliveryQuery& query) = 0;
};

}  // namespace posthorn::store

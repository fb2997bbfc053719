// One delivery that a lane has chosen to try now.
#pragma once
#include <memory>

#include "model/attempt.h"
#include "model/message.h"

namespace posthorn::model {

struct Send {
  Seq seq;
  AppId app;
  EndpointId endpoint;
  std::shared_ptr<const Message> message;  // null: it must be read from the log first
  uint16_t number = 1;                     // 1 is the first try
  Trigger trigger = Trigger::kScheduled;
  WallTime scheduled_due;  // of the due entry it answers to; 0 for first tries
};

}  // namespace posthorn::model

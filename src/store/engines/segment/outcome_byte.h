// pure: the state of one delivery in one byte: state, cause of death and tries made. Grammar:
// docs/formats/outcomes.md.
#pragma once
#include <cstdint>

#include "model/delivery.h"

namespace posthorn::store::segment {

struct Standing {
  model::DeliveryState state = model::DeliveryState::kPending;
  model::DeadCause cause = model::DeadCause::kNone;
  uint16_t attempts = 0;  // in a byte: at most attempts_max(state, cause), which means "or more"
  bool operator==(const Standing&) const = default;
};

// Pending counts to 127, delivered and exhausted to 31, the others at least to 7: a due entry is
// compared with the exact number of a pending delivery, the others are only shown.
uint16_t attempts_max(model::DeliveryState state, model::DeadCause cause);

// Zero is a pending delivery that was never tried. Dead without a cause is written as exhausted.
uint8_t encode_standing(const Standing& standing);
Standing decode_standing(uint8_t byte);

}  // namespace posthorn::store::segment

// pure: standings as ranges of byte values.
#include "store/engines/segment/outcome_byte.h"

#include <algorithm>
#include <array>

#include "base/check.h"

namespace posthorn::store::segment {
namespace {

using model::DeadCause;
using model::DeliveryState;

// The bytes [first, last] mean this state and cause with 0 … last - first tries.
struct Range {
  uint8_t first;
  uint8_t last;
  DeliveryState state;
  DeadCause cause;
};

constexpr std::array<Range, 10> kRanges = {{
    {0, 127, DeliveryState::kPending, DeadCause::kNone},
    {128, 159, DeliveryState::kDelivered, DeadCause::kNone},
    {160, 191, DeliveryState::kDead, DeadCause::kExhausted},
    {192, 199, DeliveryState::kCancelled, DeadCause::kNone},
    {200, 207, DeliveryState::kFiltered, DeadCause::kNone},
    {208, 215, DeliveryState::kDead, DeadCause::kExpired},
    {216, 223, DeliveryState::kDead, DeadCause::kSkipped},
    {224, 231, DeliveryState::kDead, DeadCause::kAborted},
    {232, 239, DeliveryState::kDead, DeadCause::kUnreadable},
    {240, 255, DeliveryState::kDead, DeadCause::kUnknownOutcome},
}};

constexpr bool has_range(DeadCause cause) {
  for (const Range& range : kRanges) {
    if (range.state == DeliveryState::kDead && range.cause == cause) return true;
  }
  return false;
}
static_assert(
    [] {
      for (int cause = 1; cause <= static_cast<int>(DeadCause::kUnknownOutcome); ++cause) {
        if (!has_range(static_cast<DeadCause>(cause))) return false;
      }
      return true;
    }(),
    "a cause of death without a byte");

const Range& range_of(DeliveryState state, DeadCause cause) {
  if (state != DeliveryState::kDead) cause = DeadCause::kNone;
  if (state == DeliveryState::kDead && cause == DeadCause::kNone) cause = DeadCause::kExhausted;
  for (const Range& range : kRanges) {
    if (range.state == state && range.cause == cause) return range;
  }
  CHECK(false, "no byte for state {} and cause {}", static_cast<int>(state),
        static_cast<int>(cause));
}

constexpr auto kStandings = [] {
  std::array<Standing, 256> all{};
  for (const Range& range : kRanges) {
    for (int byte = range.first; byte <= range.last; ++byte) {
      all[static_cast<size_t>(byte)] = {range.state, range.cause,
                                        static_cast<uint16_t>(byte - range.first)};
    }
  }
  return all;
}();

}  // namespace

uint16_t attempts_max(DeliveryState state, DeadCause cause) {
  const Range& range = range_of(state, cause);
  return static_cast<uint16_t>(range.last - range.first);
}

uint8_t encode_standing(const Standing& standing) {
  const Range& range = range_of(standing.state, standing.cause);
  return static_cast<uint8_t>(range.first +
                              std::min<int>(standing.attempts, range.last - range.first));
}

Standing decode_standing(uint8_t byte) { return kStandings[byte]; }

}  // namespace posthorn::store::segment

// pure: what a lane record says of itself.
#include "store/lane_state.h"

#include <algorithm>

namespace posthorn::store {

bool LaneRecord::has_untried() const {
  return last_targeted >= floor && last_targeted > cancelled_through &&
         last_targeted > expired_through;
}

const LaneClosing* LaneRecord::closing_of(Seq seq) const {
  const auto at = std::find_if(closings.begin(), closings.end(),
                               [&](const LaneClosing& c) { return seq <= c.through; });
  return at == closings.end() ? nullptr : &*at;
}

}  // namespace posthorn::store

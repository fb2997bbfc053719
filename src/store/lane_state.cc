// pure: what a lane record says of itself.
#include "store/lane_state.h"

#include <algorithm>

namespace posthorn::store {

bool LaneRecord::has_untried() const {
  return last_targeted >= floor && last_targeted > cancelled_through &&
         last_targeted > expired_through;
}

}  // namespace posthorn::store

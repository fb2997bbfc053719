// The sorted set of endpoints of a message.
#include "model/targets.h"

#include <algorithm>

namespace posthorn::model {

TargetSet::TargetSet(std::vector<EndpointId> endpoints) : endpoints_(std::move(endpoints)) {
  std::sort(endpoints_.begin(), endpoints_.end());
  endpoints_.erase(std::unique(endpoints_.begin(), endpoints_.end()), endpoints_.end());
  hash_ = endpoints_.size();
  for (const EndpointId& endpoint : endpoints_) {
    hash_ = (hash_ ^ endpoint.bytes.tail()) * 0x9E3779B97F4A7C15ull;
    hash_ ^= hash_ >> 29;
  }
}

size_t TargetSet::index_of(const EndpointId& endpoint) const {
  const auto at = std::lower_bound(endpoints_.begin(), endpoints_.end(), endpoint);
  if (at == endpoints_.end() || *at != endpoint) return kAbsent;
  return static_cast<size_t>(at - endpoints_.begin());
}

}  // namespace posthorn::model

// The endpoints that one message goes to. Immutable and shared: messages of one app that match
// the same endpoints hold the same set.
#pragma once
#include <memory>
#include <vector>

#include "base/ids.h"

namespace posthorn::model {

class TargetSet {
 public:
  // Sorts and removes repeats.
  explicit TargetSet(std::vector<EndpointId> endpoints);

  const std::vector<EndpointId>& endpoints() const { return endpoints_; }
  bool contains(const EndpointId& endpoint) const { return index_of(endpoint) != kAbsent; }
  // The place of an endpoint in the sorted set; kAbsent when it is not a target.
  static constexpr size_t kAbsent = ~size_t{0};
  size_t index_of(const EndpointId& endpoint) const;
  size_t size() const { return endpoints_.size(); }
  // Of the contents; equal sets have equal hashes.
  uint64_t hash() const { return hash_; }
  bool operator==(const TargetSet& other) const { return endpoints_ == other.endpoints_; }

 private:
  std::vector<EndpointId> endpoints_;
  uint64_t hash_ = 0;
};

using Targets = std::shared_ptr<const TargetSet>;

}  // namespace posthorn::model

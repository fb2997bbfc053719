// What retention promises, as tests for every engine.
#pragma once
#include <string>
#include <vector>

#include "store/conformance/store_suite.h"

namespace posthorn::store {

// Made here so that the program that names an engine also links the suite.
EngineUnderTest retention_under_test(std::string name);

// Fills whole segments, so that engines which forget by the segment can.
class RetentionSuite : public StoreSuite {
 protected:
  static constexpr size_t kSegment = 220;  // messages with attempts that fill a segment

  std::vector<MessageRef> post_many(size_t count, const std::vector<uint64_t>& endpoints = {1});
  void settle(const std::vector<MessageRef>& messages, uint64_t endpoint = 1);
  // More than one segment of settled messages: what came before is not in the open one.
  void roll() { settle(post_many(kSegment)); }
  bool is_stored(const MessageRef& message);
  size_t stored_of(const std::vector<MessageRef>& messages);
  std::vector<Seq> listed();
  void run_down(seconds time);
  void close_lane(model::CommandKind kind, uint64_t endpoint, Seq through);

  uint64_t keys_ = 0;
};

}  // namespace posthorn::store

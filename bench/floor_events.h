// pure: the floor's fixed set of events between acceptance and the recorded attempt. Its size is
// the bound of the backlog: when no slot is free, the floor stops reading requests.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace posthorn::bench {

struct FloorEvent {
  std::string id;       // "msg_" and 27 characters
  std::string payload;  // the capacity stays with the slot
  int client = -1;      // descriptor of the connection that waits for the 202
  uint64_t client_turn = 0;
};

class FloorEvents {
 public:
  explicit FloorEvents(uint32_t slots) : events_(slots) {
    for (uint32_t i = slots; i-- > 0;) free_.push_back(i);
  }

  bool full() const { return free_.empty(); }

  // Only when not full(). The slot has a fresh id; everything else is left from its last user.
  uint32_t take() {
    const uint32_t slot = free_.back();
    free_.pop_back();
    make_id(&events_[slot].id);
    return slot;
  }
  void release(uint32_t slot) { free_.push_back(slot); }
  FloorEvent& at(uint32_t slot) { return events_[slot]; }

 private:
  void make_id(std::string* out) {
    out->assign("msg_2bench00000000000000000000x");
    uint64_t value = ++made_;
    for (size_t i = out->size(); value != 0; value /= 62) {
      (*out)[--i] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"[value % 62];
    }
  }

  std::vector<FloorEvent> events_;
  std::vector<uint32_t> free_;
  uint64_t made_ = 0;
};

}  // namespace posthorn::bench

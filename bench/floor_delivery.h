// The floor's way out: a queue of durable events and a fixed number of keep-alive connections to
// one target. Every completed delivery becomes an attempt record in the log. A target that answers
// anything but 2xx, or hangs up, ends the program: the measurement would mean nothing.
#pragma once
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "connection.h"
#include "floor_events.h"
#include "floor_log.h"
#include "floor_sign.h"

namespace posthorn::bench {

struct FloorTarget {
  uint16_t port = 0;
  std::string path;
  size_t connections = 64;
};

class FloorDelivery {
 public:
  // Borrows `events` and `log` for its life.
  FloorDelivery(const FloorTarget& target, FloorEvents* events, FloorLog* log);

  size_t connections() const { return connections_.size(); }
  int fd(size_t index) const { return connections_[index]->fd(); }

  void enqueue(uint32_t event) { waiting_.push_back(event); }

  // Sends waiting events on idle connections. `now_s` is the wall clock of this loop turn.
  void send_waiting(uint64_t now_s);

  // Connection `index` is readable.
  void receive(size_t index, uint64_t now_s);

 private:
  void send(size_t index, uint32_t event, uint64_t now_s);
  void record_attempt(uint32_t event, int status, uint64_t now_s);

  FloorEvents& events_;
  FloorLog& log_;
  FloorSigner signer_;
  std::vector<std::unique_ptr<Connection>> connections_;
  std::vector<uint32_t> in_flight_;  // by connection
  std::vector<size_t> idle_;
  std::deque<uint32_t> waiting_;
  std::string head_start_;
  std::string head_;  // scratch
  std::string timestamp_;
  uint64_t timestamp_s_ = 0;
};

}  // namespace posthorn::bench

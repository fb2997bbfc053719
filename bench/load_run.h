// One run of the load generator: keep-alive connections, one request in flight on each, sent by a
// fixed schedule (open loop) or as answers come (closed loop, to find the capacity).
#pragma once
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "connection.h"
#include "load_options.h"
#include "load_request.h"
#include "load_results.h"
#include "load_schedule.h"

namespace posthorn::bench {

class LoadRun {
 public:
  explicit LoadRun(const LoadOptions& options);

  // Returns when every request was sent and answered, or a grace period after the end has passed.
  // Ends the program when the server cannot be reached or refuses for another reason than load.
  void run();

  const LoadResults& results() const { return results_; }

 private:
  struct Lane {
    std::unique_ptr<Connection> connection;
    LoadBody body;
    LoadRequest request;
    bool waiting = false;  // for an answer
    uint64_t resume_ns = 0;
  };

  void connect(size_t index);
  bool more_to_send(uint64_t now_ns) const;
  bool is_due(uint64_t now_ns) const;
  void send_due(uint64_t now_ns);
  void send(size_t index, uint64_t now_ns);
  void on_ready(size_t index, uint32_t ready, uint64_t now_ns);
  void take_answer(size_t index, uint64_t now_ns);
  void lose_connection(size_t index, uint64_t now_ns);
  void check_status(int status, std::string_view body);
  void give_up(uint64_t now_ns);

  LoadOptions options_;
  LoadResults results_;
  std::optional<LoadSchedule> schedule_;
  std::vector<std::string> heads_;
  std::vector<Lane> lanes_;
  std::deque<size_t> idle_;
  std::deque<size_t> backing_off_;  // in order of resume_ns: the pause is the same for all
  int epoll_;
  uint64_t end_ns_ = 0;
  uint64_t requests_started_ = 0;
  uint64_t events_in_flight_ = 0;
  size_t lanes_waiting_ = 0;
  unsigned failures_in_a_row_ = 0;
};

}  // namespace posthorn::bench

// The floor's way in: keep-alive HTTP/1.1 connections that POST messages in the gateway's shape.
// A request becomes a record in the open group; the 202 is sent by answer() when the group is
// durable, never before. While no event slot is free, requests stay in their connection's buffer.
#pragma once
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "connection.h"
#include "floor_events.h"
#include "floor_log.h"

namespace posthorn::bench {

class FloorIngest {
 public:
  // Borrows `events` and `log` for its life.
  FloorIngest(FloorEvents* events, FloorLog* log) : events_(*events), log_(*log) {}

  void add(int fd);

  // Connection `fd` is readable.
  void receive(int fd, uint64_t now_s);

  // The record of `event` is durable.
  void answer(uint32_t event);

  // Takes up the requests that waited for a free slot.
  void resume(uint64_t now_s);

 private:
  struct Client {
    std::unique_ptr<Connection> connection;
    uint64_t turn = 0;  // tells a reused descriptor from the one before
  };

  Client* find(int fd);
  void accept_request(int fd, Client& client, uint64_t now_s);
  void drop(Client& client);

  FloorEvents& events_;
  FloorLog& log_;
  std::vector<Client> clients_;  // by descriptor
  std::deque<int> stalled_;
  std::string answer_;  // scratch
};

}  // namespace posthorn::bench

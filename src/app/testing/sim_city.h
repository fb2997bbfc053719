// A simulated machine with a gateway, a client that calls its REST interface, and receivers of
// webhooks, all in virtual time.
#pragma once
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "app/gateway.h"
#include "http/client.h"
#include "http/server.h"
#include "io/sim/world.h"

namespace posthorn::app::testing {

// What a receiver got.
struct Webhook {
  MonoTime at;
  std::string id;
  std::string timestamp;
  std::string signature;
  std::string content_type;
  std::string body;
  int answered = 0;
};

// A receiver on an address of its own; answers with the given statuses one after another, then 200.
class Receiver {
 public:
  Receiver(io::Loop& loop, const SocketAddress& at);

  // Answers what was left unanswered while silent.
  void answer_all();

  std::vector<Webhook> webhooks;
  std::deque<int> statuses;
  bool silent = false;  // takes requests and never answers

 private:
  io::Loop& loop_;
  std::vector<http::Responder> unanswered_;
  http::Server server_;
};

struct Answer {
  int status = 0;
  std::string body;
  // The text of a member of the JSON answer; empty when it is not there.
  std::string text(const std::string& member) const;
};

class SimCity {
 public:
  explicit SimCity(uint64_t seed);
  ~SimCity();
  SimCity(const SimCity&) = delete;
  SimCity& operator=(const SimCity&) = delete;

  // Starts the gateway, or starts it again on what the disk holds.
  Status start();
  // A power cut: what was not synced goes as `how` says, nothing is finished.
  void crash(io::sim::PowerCut how);
  // Asks the gateway to stop; stop() waits for the end of it.
  void begin_stop();
  // Drains and closes.
  bool stop();
  // Closes, whether all has drained or not, as the end of the process does.
  bool end();

  // Gives up after `patience`, with the connection; the status is then 0.
  Answer call(wire::HttpMethod method, const std::string& path, const std::string& body = "",
              nanoseconds patience = seconds{30});
  Answer post(const std::string& path, const std::string& body,
              nanoseconds patience = seconds{30}) {
    return call(wire::HttpMethod::kPost, path, body, patience);
  }
  Answer get(const std::string& path) { return call(wire::HttpMethod::kGet, path); }
  bool run_until(const std::function<bool()>& done, nanoseconds limit = seconds{60}) {
    return world.run_until(done, limit);
  }

  io::sim::World world;
  Config config;
  store::StoreLimits store_limits = kStoreLimits;
  std::unique_ptr<io::Loop> outside;  // the loop of the client and the receivers
  std::unique_ptr<Gateway> gateway;

 private:
  bool stopping_ = false;
  std::string token_;
  std::unique_ptr<http::Client> client_;
};

}  // namespace posthorn::app::testing

// The whole REST interface of one shard on a simulated machine, with engines in memory: requests
// in, answers out. For tests of api/.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "api/api.h"
#include "io/sim/world.h"

namespace posthorn::api::testing {

struct Answer {
  int status = 0;
  std::string body;
  std::vector<http::ResponseHeader> headers;
  std::string header(std::string_view name) const;
};

class Rig {
 public:
  Rig();
  Rig(const Rig&) = delete;
  Rig& operator=(const Rig&) = delete;
  ~Rig();

  struct Ask {
    wire::HttpMethod method = wire::HttpMethod::kGet;
    std::string target;
    std::string body = {};
    std::string token = "org";  // "org", the text of an AppId, "" for none, else the token itself
    std::vector<std::pair<std::string, std::string>> headers = {};
  };
  Answer ask(const Ask& ask);
  Answer get(std::string target) { return ask({wire::HttpMethod::kGet, std::move(target)}); }
  Answer post(std::string target, std::string body) {
    return ask({wire::HttpMethod::kPost, std::move(target), std::move(body)});
  }

  // Made through the interface; the id's text.
  std::string make_app(const std::string& body = R"({"name":"an app"})");
  std::string make_endpoint(const std::string& app, const std::string& body);

  // Straight into the log.
  store::MessageRef append(model::Message message);
  AttemptId append(model::Attempt attempt);

  std::string token_of(const model::Caller& caller) const;

  io::sim::World world{1};
  std::unique_ptr<io::Loop> loop;
  std::unique_ptr<io::Worker> reader;
  std::unique_ptr<store::Store> store;
  std::unique_ptr<catalog::Catalog> catalog;
  Auth auth{"the secret of the tests, long enough"};
  Status accepting;
  Routes routes;
  std::unique_ptr<Api> api;

 private:
  store::ItemResult append(store::Item item);
};

// The text of a string member of a JSON object; empty when it is not there.
std::string member(const std::string& json, std::string_view name);

}  // namespace posthorn::api::testing

// POST of messages over HTTP, one or many in a request. Each request is checked, read in place and
// handed to the intake; the answer goes out when the log says that it is durable. On one loop.
#pragma once
#include <string>
#include <vector>

#include "http/message.h"
#include "ingest/intake.h"
#include "ingest/message_body.h"
#include "io/clock.h"
#include "model/caller.h"
#include "model/refusal.h"

namespace posthorn::ingest {

// Who sends a request, from its Authorization header.
using Authenticate = UniqueFunction<Result<model::Caller>(std::string_view authorization)>;

struct HttpIngestDeps {
  Intake& intake;
  const io::Clock& clock;
  CurrentSnapshot snapshot;
  Authenticate authenticate;
  // How a refusal looks from outside: the answer, and its JSON inside another one.
  http::Response (*refuse)(const model::Refusal&);
  void (*append_refusal)(std::string& out, const model::Refusal&);
};

// Values are set in app/limits.h.
struct HttpIngestLimits {
  MessageLimits message;
  size_t body_bytes_max = (1u << 20) + (64u << 10);
  size_t batch_bytes_max = 16u << 20;
  size_t batch_messages_max = 1000;
  size_t idempotency_key_bytes_max = 256;
};

// The largest body that a request to this target may have: batches may be longer.
size_t body_bytes_max(std::string_view target, const HttpIngestLimits& limits);

class HttpIngest {
 public:
  HttpIngest(HttpIngestDeps deps, HttpIngestLimits limits);

  // POST /api/v1/app/{app_id}/msg: 202 with the message.
  void create(const http::Request& request, http::Responder responder, std::string_view app);
  // POST /api/v1/app/{app_id}/msg/batch: a JSON array; 202 with one result per entry when any was
  // accepted, 422 when none was. The accepted ones become durable together, in order.
  void create_batch(const http::Request& request, http::Responder responder, std::string_view app);

  // `Routes` has add(method, pattern, handler(request, responder, params)).
  template <typename Routes>
  void mount(Routes& routes) {
    routes.add(wire::HttpMethod::kPost, "/api/v1/app/{app_id}/msg",
               [this](const http::Request& request, http::Responder responder, const auto& params) {
                 create(request, std::move(responder), params[0]);
               });
    routes.add(wire::HttpMethod::kPost, "/api/v1/app/{app_id}/msg/batch",
               [this](const http::Request& request, http::Responder responder, const auto& params) {
                 create_batch(request, std::move(responder), params[0]);
               });
  }

 private:
  struct Admitted;
  struct Batch;

  // What both forms need before the body is looked at.
  Result<Admitted> admit(const http::Request& request, std::string_view app);
  void identify(model::Message& message, const http::Request& request, const Admitted& admitted,
                uint32_t item) const;
  // Reads every entry; those that are refused are noted with their index.
  void read_batch(const wire::JsonValue& array, Batch& batch);

  HttpIngestDeps deps_;
  const HttpIngestLimits limits_;
  MessageReader reader_;
  std::vector<wire::JsonMember> members_;  // of the body that is being read
  const std::vector<std::string> body_loc_{"body"};
};

}  // namespace posthorn::ingest

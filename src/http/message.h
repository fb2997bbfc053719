// One request and its answer, as the server hands them to handlers and tests hand them around.
#pragma once
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/ip.h"
#include "wire/http1_request.h"

namespace posthorn::http {

// The views are valid during the handler's call only; a handler that answers later copies what it
// needs.
struct Request {
  wire::HttpMethod method = wire::HttpMethod::kOther;
  std::string_view target;  // path and query as sent
  std::string_view path;
  std::string_view query;  // behind '?', not decoded
  ByteView body;           // complete, decoded from chunks
  const wire::HeaderList* headers = nullptr;
  SocketAddress peer;

  // Of the first field of that name (in lower case); empty when there is none.
  ByteView header(std::string_view lower_name) const {
    return headers->find(lower_name).value_or(ByteView{});
  }
};

struct ResponseHeader {
  std::string_view name;  // a literal
  std::string value;
};

struct Response {
  int status = 200;
  std::string_view content_type = "application/json";  // a literal; empty: no body, no type
  std::string body;
  std::vector<ResponseHeader> headers;
  bool close = false;  // end the connection after this answer
};

// The right to answer one request, once, on the server's loop: at once or later. Destroyed without
// an answer it answers 500. When the connection is gone, send() does nothing.
class Responder {
 public:
  class Target {
   public:
    virtual ~Target() = default;
    // `ticket` names the request within its connection.
    virtual void respond(uint64_t ticket, Response response) = 0;
  };

  Responder() = default;
  Responder(std::weak_ptr<Target> target, uint64_t ticket)
      : target_(std::move(target)), ticket_(ticket), open_(true) {}
  Responder(Responder&& other) noexcept { *this = std::move(other); }
  Responder& operator=(Responder&& other) noexcept;
  Responder(const Responder&) = delete;
  Responder& operator=(const Responder&) = delete;
  ~Responder();

  void send(Response response);
  bool open() const { return open_; }

 private:
  std::weak_ptr<Target> target_;
  uint64_t ticket_ = 0;
  bool open_ = false;
};

}  // namespace posthorn::http

// Dispatch, and the headers that let pages of other origins call the interface.
#include "api/routes.h"

#include "api/errors.h"

namespace posthorn::api {
namespace {

constexpr std::string_view kAnyMethod = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS";
constexpr size_t kMirroredBytesMax = 1024;

// Stands between a handler and the connection and adds the header that a browser looks for. Lives
// until the one answer has gone through it: a Responder always answers.
class CrossOrigin : public http::Responder::Target {
 public:
  static http::Responder around(http::Responder inner) {
    auto self = std::make_shared<CrossOrigin>();
    self->inner_ = std::move(inner);
    self->self_ = self;
    return http::Responder(self, 0);
  }
  void respond(uint64_t, http::Response response) override {
    const auto alive = std::move(self_);
    response.headers.push_back({"access-control-allow-origin", "*"});
    inner_.send(std::move(response));
  }

 private:
  http::Responder inner_;
  std::shared_ptr<CrossOrigin> self_;
};

http::Response preflight(const http::Request& request) {
  http::Response response;
  response.status = 204;
  response.content_type = {};
  response.headers.push_back({"access-control-allow-methods", std::string(kAnyMethod)});
  const ByteView asked = request.header("access-control-request-headers");
  if (!asked.empty() && asked.size() <= kMirroredBytesMax) {
    response.headers.push_back({"access-control-allow-headers", std::string(asked)});
  }
  response.headers.push_back({"access-control-max-age", "600"});
  return response;
}

http::Response wrong_method(std::string allowed) {
  http::Response response;
  response.status = 405;
  response.body =
      R"({"code":"method_not_allowed","detail":"This path answers to )" + allowed + R"( only"})";
  response.headers.push_back({"allow", std::move(allowed)});
  return response;
}

}  // namespace

void Routes::add(wire::HttpMethod method, std::string pattern, Handler handler) {
  table_.add(method, std::move(pattern));
  handlers_.push_back(std::move(handler));
}

void Routes::dispatch(const http::Request& request, http::Responder responder) {
  if (!request.header("origin").empty()) responder = CrossOrigin::around(std::move(responder));
  if (request.method == wire::HttpMethod::kOptions) return responder.send(preflight(request));
  const std::string_view path = trimmed_path(request.path);
  const RouteTable::Found found = table_.find(request.method, path);
  if (found.route != RouteTable::Found::kNone) {
    return handlers_[found.route](request, std::move(responder), found.params);
  }
  if (found.path_known) return responder.send(wrong_method(table_.allowed(path)));
  responder.send(error_response(
      error(Errc::kNotFound, "There is no such path here; the interface starts at /api/v1")));
}

}  // namespace posthorn::api

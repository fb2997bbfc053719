// The shared steps of handlers.
#include "api/context.h"

#include "api/errors.h"

namespace posthorn::api {

http::Response json_response(int status, std::string body) {
  http::Response response;
  response.status = status;
  response.body = std::move(body);
  return response;
}

void Call::refuse(Error error) { responder.send(error_response(std::move(error))); }

bool Call::refused() {
  if (issues.empty()) return false;
  responder.send(refusal_response(std::move(issues).refusal()));
  return true;
}

void Call::answer(int status, std::string body) {
  responder.send(json_response(status, std::move(body)));
}

Status Context::check(Access access, Call& call) {
  const ByteView authorization = call.request.header("authorization");
  PH_ASSIGN(call.caller, deps_.auth.verify(authorization, deps_.loop.clock().wall()));
  if (access == Access::kOrganization) {
    if (!call.caller.app) return {};
    return error(Errc::kForbidden, "This needs a token of the organization, not of an application");
  }
  call.app = deps_.snapshot()->find_app(call.caller.organization, call.params[0]);
  if (call.app == nullptr || (call.caller.app && *call.caller.app != call.app->app.id)) {
    return error(Errc::kNotFound, "There is no such application");
  }
  return {};
}

Routes::Handler Context::guarded(Access access, CallHandler handler) {
  return [this, access, handler = std::move(handler)](const http::Request& request,
                                                      http::Responder responder,
                                                      const PathParams& params) mutable {
    Call call(request, std::move(responder), params);
    if (Status status = check(access, call); !status.ok()) {
      return call.refuse(std::move(status).error());
    }
    handler(call);
  };
}

void Context::on_reader(http::Responder responder, UniqueFunction<http::Response()> work) {
  // A full reader drops the task; the responder must outlive that.
  auto waiting = std::make_shared<http::Responder>(std::move(responder));
  const bool taken =
      deps_.reader.post([&loop = deps_.loop, waiting, work = std::move(work)]() mutable {
        http::Response response = work();
        // The responder goes back to its loop and ends there.
        loop.post_remote([waiting = std::move(waiting), response = std::move(response)]() mutable {
          waiting->send(std::move(response));
        });
      });
  if (!taken) {
    waiting->send(error_response(error(Errc::kOverloaded, "Too many reads are waiting")));
  }
}

}  // namespace posthorn::api

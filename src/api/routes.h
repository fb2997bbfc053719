// The table of routes and what answers them. app/ mounts the handlers of api/ and of ingest/ here
// and gives dispatch() to the server. Used on one loop's thread.
#pragma once
#include <string>
#include <vector>

#include "api/route_table.h"
#include "base/function.h"
#include "http/message.h"

namespace posthorn::api {

class Routes {
 public:
  // The views in the request and in the parameters are valid during the call only.
  using Handler = UniqueFunction<void(const http::Request&, http::Responder, const PathParams&)>;

  void add(wire::HttpMethod method, std::string pattern, Handler handler);

  // Answers every request: unknown paths with 404, wrong methods with 405, OPTIONS with what a
  // browser asks before it sends (any origin may; tokens are never cookies).
  void dispatch(const http::Request& request, http::Responder responder);

  const RouteTable& table() const { return table_; }

 private:
  RouteTable table_;
  std::vector<Handler> handlers_;
};

}  // namespace posthorn::api

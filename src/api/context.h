// What every handler needs, and the steps that all of them share: who calls, which application is
// meant, reads that block, pages. One per shard, on its loop.
#pragma once
#include <string>
#include <string_view>

#include "api/auth.h"
#include "api/query.h"
#include "api/routes.h"
#include "base/function.h"
#include "catalog/catalog.h"
#include "http/message.h"
#include "io/loop.h"
#include "io/worker.h"
#include "model/caller.h"
#include "store/store.h"

namespace posthorn::api {

struct ApiDeps {
  io::Loop& loop;
  catalog::Catalog& catalog;
  store::Store& store;
  io::Worker& reader;  // for reads that block; the answer comes back to the loop
  Auth& auth;
  UniqueFunction<catalog::SnapshotRef()> snapshot;  // the shard's own, as of now
  // Why new messages are not taken besides what the log says (starting, draining); may be empty.
  UniqueFunction<Status()> accepting;
  std::string version;
};

// One request on its way through a handler. The views are valid during the handler's call only.
struct Call {
  Call(const http::Request& r, http::Responder to, const PathParams& places)
      : request(r), responder(std::move(to)), params(places), query(r.query, issues) {}
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;
  ~Call() = default;

  const http::Request& request;
  http::Responder responder;
  const PathParams& params;
  model::Caller caller;
  catalog::AppRef app;  // the one that the path names, where it names one
  model::IssueList issues;
  Query query;

  void refuse(Error error);
  // Answers 422 and is true when something is wrong with the request.
  bool refused();
  // A JSON body.
  void answer(int status, std::string body);
};

enum class Access : uint8_t {
  kOrganization,  // a token of an application gets 403
  kApplication,   // the first place of the path names an application the caller may see, else 404
};

class Context {
 public:
  using CallHandler = UniqueFunction<void(Call&)>;

  explicit Context(ApiDeps deps) : deps_(std::move(deps)) {}

  // A handler that has authenticated its caller and found the application.
  Routes::Handler guarded(Access access, CallHandler handler);

  // Runs `work` on the reader and sends what it answers. 429 when too many reads wait.
  void on_reader(http::Responder responder, UniqueFunction<http::Response()> work);

  ApiDeps& deps() { return deps_; }

 private:
  // Fills in who calls and which application is meant.
  Status check(Access access, Call& call);

  ApiDeps deps_;
};

http::Response json_response(int status, std::string body);

}  // namespace posthorn::api

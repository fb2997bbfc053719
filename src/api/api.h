// The REST interface of one shard, except for posting messages (ingest/). Made by app/ with what
// the shard has; must outlive the routes it is mounted on and the reads it has started.
#pragma once
#include <memory>

#include "api/context.h"
#include "api/routes.h"

namespace posthorn::api {

class Api {
 public:
  explicit Api(ApiDeps deps);
  ~Api();
  Api(const Api&) = delete;
  Api& operator=(const Api&) = delete;
  void mount(Routes& routes);

 private:
  std::unique_ptr<Context> context_;
};

}  // namespace posthorn::api

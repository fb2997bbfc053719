// The list of resources.
#include "api/api.h"

#include "api/resources/applications.h"
#include "api/resources/attempts.h"
#include "api/resources/endpoints.h"
#include "api/resources/health.h"
#include "api/resources/messages.h"

namespace posthorn::api {

Api::Api(ApiDeps deps) : context_(std::make_unique<Context>(std::move(deps))) {}
Api::~Api() = default;

void Api::mount(Routes& routes) {
  mount_health(routes, *context_);
  mount_applications(routes, *context_);
  mount_endpoints(routes, *context_);
  mount_messages(routes, *context_);
  mount_attempts(routes, *context_);
}

}  // namespace posthorn::api

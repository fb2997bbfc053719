// Health for load balancers and people, and the page at the root. No token needed.
#pragma once
#include "api/context.h"

namespace posthorn::api {

void mount_health(Routes& routes, Context& context);

}  // namespace posthorn::api

// /api/v1/app/{app_id}/endpoint: where an application's messages go.
#pragma once
#include <string>

#include "api/context.h"

namespace posthorn::api {

void mount_endpoints(Routes& routes, Context& context);

// pure: EndpointOut. Never shows a secret or a header value.
void append_endpoint(std::string& out, const model::Endpoint& endpoint);

}  // namespace posthorn::api

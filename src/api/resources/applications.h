// /api/v1/app: applications of the organization.
#pragma once
#include <string>

#include "api/context.h"

namespace posthorn::api {

void mount_applications(Routes& routes, Context& context);

// pure: ApplicationOut.
void append_application(std::string& out, const model::Application& app);

}  // namespace posthorn::api

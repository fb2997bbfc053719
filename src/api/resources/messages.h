// /api/v1/app/{app_id}/msg: reading accepted messages. Posting them is ingest/http_ingest.
#pragma once
#include "api/context.h"

namespace posthorn::api {

void mount_messages(Routes& routes, Context& context);

}  // namespace posthorn::api

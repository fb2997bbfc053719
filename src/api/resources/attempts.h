// Attempts: what happened when messages were sent. By endpoint, by message, one by one.
#pragma once
#include <string>

#include "api/context.h"

namespace posthorn::api {

void mount_attempts(Routes& routes, Context& context);

// pure: MessageAttemptOut; `message` is shown inside it when given.
struct AttemptJsonOptions {
  bool with_content = true;
  bool expanded = false;  // show cancelled as such
  const model::Message* message = nullptr;
};
void append_attempt(std::string& out, const model::Attempt& attempt,
                    const AttemptJsonOptions& options);

}  // namespace posthorn::api

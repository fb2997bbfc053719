// Who makes a request: what a verified token says. Made by api/auth, read by every handler.
#pragma once
#include <optional>

#include "base/ids.h"

namespace posthorn::model {

// A token of an organization may do everything in it; a token of an application only what
// concerns that application.
struct Caller {
  OrganizationId organization;
  std::optional<AppId> app;
  bool operator==(const Caller&) const = default;
};

}  // namespace posthorn::model

// The secret that signs API tokens: configured, or kept in the data directory.
#pragma once
#include <string>

#include "app/config.h"
#include "io/host.h"

namespace posthorn::app {

// The configured secret or the kept one; kNotFound says what to do.
Result<std::string> read_jwt_secret(io::Host& host, const Config& config);
// The same, made on first start (mode 0600, durable on return).
Result<std::string> ensure_jwt_secret(io::Host& host, const Config& config);

}  // namespace posthorn::app

// JSON Web Tokens (RFC 7519) signed with HMAC-SHA256. The algorithm is fixed here, never taken from
// the token. Fuzzed by jwt_fuzz.cc.
#pragma once
#include <optional>
#include <string>

#include "base/bytes.h"
#include "base/result.h"
#include "base/units.h"

namespace posthorn::wire {

constexpr size_t kJwtBytesMax = 4096;

// Empty texts and absent times are left out of a token. Times are whole seconds since 1970.
struct JwtClaims {
  std::string issuer;        // iss
  std::string subject;       // sub
  std::string organization;  // org
  std::optional<int64_t> issued_at;
  std::optional<int64_t> not_before;
  std::optional<int64_t> expires_at;
  std::string object;  // all claims as JSON text, as they came; ignored when encoding
};

std::string encode_jwt(const JwtClaims& claims, ByteView secret);

// The claims of a token with a good signature that is valid at `now`. kUnauthorized for everything
// else: another algorithm (`none` among them), a `crit` header, claims given twice or of the wrong
// type, or more than kJwtBytesMax. The message is for logs, not for who sent the token.
Result<JwtClaims> verify_jwt(ByteView token, ByteView secret, WallTime now);

}  // namespace posthorn::wire

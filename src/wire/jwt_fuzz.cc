// Any bytes as a token, and any bytes as the well-signed claims of one.
#include "wire/base64.h"
#include "wire/hmac.h"
#include "wire/jwt.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace posthorn;  // NOLINT
  const ByteView input(reinterpret_cast<const char*>(data), size);
  constexpr WallTime kNow{1'700'000'000'000'000};
  if (wire::verify_jwt(input, "the fuzzer does not know it", kNow).ok()) __builtin_trap();

  // The first line is the header, the rest the claims.
  const size_t line = std::min(input.find('\n'), input.size());
  std::string token;
  wire::append_base64url(token, input.substr(0, line));
  token += '.';
  wire::append_base64url(token, input.substr(std::min(line + 1, input.size())));
  const auto digest = wire::HmacKey("known").sign({token});
  token += '.';
  wire::append_base64url(token, {reinterpret_cast<const char*>(digest.data()), digest.size()});
  const auto claims = wire::verify_jwt(token, "known", kNow);
  if (!claims.ok()) return 0;
  const auto again = wire::verify_jwt(wire::encode_jwt(*claims, "known"), "known", kNow);
  if (token.size() < 2000 && (!again.ok() || again->subject != claims->subject ||
                              again->expires_at != claims->expires_at)) {
    __builtin_trap();
  }
  return 0;
}

// Bearer tokens: JSON Web Tokens signed with HMAC-SHA256. A token names an organization, or one
// application of it. One Auth per shard: verified tokens are remembered there, so that a stream of
// requests with one token pays for one verification.
#pragma once
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/result.h"
#include "base/units.h"
#include "model/caller.h"

namespace posthorn::api {

class Auth {
 public:
  static constexpr size_t kTokensMax = 4096;  // remembered ones
  static constexpr size_t kTokenBytesMax = 4096;

  // `secret` signs and verifies; it is kept for the life of this object.
  explicit Auth(std::string secret) : secret_(std::move(secret)) {}

  // Who sends a request with this Authorization header ("Bearer …"). kUnauthorized otherwise,
  // with one text for every reason that an attacker could learn from.
  Result<model::Caller> verify(std::string_view authorization, WallTime now);

  size_t remembered() const { return verified_.size(); }

 private:
  struct Verified {
    model::Caller caller;
    WallTime not_before;  // 0: none
    WallTime expires;     // 0: never
    bool holds(WallTime now) const;
  };
  struct TextHash {
    using is_transparent = void;
    size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
  };
  Result<Verified> check(std::string_view token, WallTime now) const;

  const std::string secret_;
  using Tokens = std::unordered_map<std::string, Verified, TextHash, std::equal_to<>>;
  Tokens verified_;
  const Tokens::value_type* last_ = nullptr;  // of verified_: requests come in streaks
};

struct TokenSpec {
  model::Caller caller;
  WallTime issued_at;
  seconds lifetime{24 * 3600};
};

// A token that Auth with the same secret takes; for the command line.
std::string make_token(std::string_view secret, const TokenSpec& spec);

}  // namespace posthorn::api

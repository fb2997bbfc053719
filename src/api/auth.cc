// Bearer tokens and the memory of those that were verified.
#include "api/auth.h"

#include "wire/http1.h"
#include "wire/jwt.h"

namespace posthorn::api {
namespace {

constexpr int64_t kSecondUs = 1'000'000;
// Later times do not fit microseconds; they are as good as never.
constexpr int64_t kSecondsMax = INT64_MAX / kSecondUs;

WallTime time_of(const std::optional<int64_t>& second) {
  if (!second || *second < 0 || *second > kSecondsMax) return {};
  return WallTime{*second * kSecondUs};
}

std::optional<std::string_view> bearer(std::string_view authorization) {
  constexpr size_t kScheme = 7;  // "Bearer "
  if (authorization.size() <= kScheme ||
      !wire::equals_lower(authorization.substr(0, kScheme), "bearer ")) {
    return std::nullopt;
  }
  return authorization.substr(kScheme);
}

Error refused() {
  return error(Errc::kUnauthorized,
               "Give a valid token as `Authorization: Bearer …`; `posthorn token` makes one");
}

std::optional<model::Caller> caller_of(const wire::JwtClaims& claims) {
  if (const auto organization = OrganizationId::parse(claims.subject)) {
    return model::Caller{*organization, std::nullopt};
  }
  const auto app = AppId::parse(claims.subject);
  const auto organization = OrganizationId::parse(claims.organization);
  if (!app || !organization) return std::nullopt;
  return model::Caller{*organization, *app};
}

}  // namespace

bool Auth::Verified::holds(WallTime now) const {
  const bool expired = expires.us != 0 && now >= expires;
  // The clock may have been set back since.
  return !expired && now >= not_before;
}

Result<Auth::Verified> Auth::check(std::string_view token, WallTime now) const {
  PH_ASSIGN(const wire::JwtClaims claims, wire::verify_jwt(token, secret_, now));
  const auto caller = caller_of(claims);
  if (!caller) return refused();
  return Verified{*caller, time_of(claims.not_before), time_of(claims.expires_at)};
}

Result<model::Caller> Auth::verify(std::string_view authorization, WallTime now) {
  const auto token = bearer(authorization);
  if (!token || token->size() > kTokenBytesMax) return refused();
  if (last_ != nullptr && last_->first == *token && last_->second.holds(now)) {
    return last_->second.caller;
  }
  if (const auto known = verified_.find(*token); known != verified_.end()) {
    if (known->second.holds(now)) {
      last_ = &*known;
      return last_->second.caller;
    }
    last_ = nullptr;
    verified_.erase(known);
    return refused();
  }
  const auto verified = check(*token, now);
  if (!verified.ok()) return refused();
  // Only holders of valid tokens get here; starting afresh costs one verification each.
  if (verified_.size() >= kTokensMax) {
    last_ = nullptr;
    verified_.clear();
  }
  verified_.emplace(std::string(*token), *verified);
  return verified->caller;
}

std::string make_token(std::string_view secret, const TokenSpec& spec) {
  wire::JwtClaims claims;
  claims.issuer = "posthorn";
  const std::string organization = spec.caller.organization.text();
  claims.subject = spec.caller.app ? spec.caller.app->text() : organization;
  if (spec.caller.app) claims.organization = organization;
  claims.issued_at = spec.issued_at.us / kSecondUs;
  claims.not_before = claims.issued_at;
  claims.expires_at = *claims.issued_at + spec.lifetime.count();
  return wire::encode_jwt(claims, secret);
}

}  // namespace posthorn::api

// Tokens: signature first, then the parts, so that unsigned bytes are hardly looked at.
#include "wire/jwt.h"

#include <cmath>

#include "wire/base64.h"
#include "wire/hmac.h"
#include "wire/json.h"
#include "wire/json_writer.h"

namespace posthorn::wire {
namespace {

constexpr ByteView kHeader = R"({"alg":"HS256","typ":"JWT"})";
constexpr JsonLimits kPartLimits{.depth = 8};
constexpr int64_t kMicros = 1'000'000;
constexpr double kSecondsMax = 1e12;  // the year 33658; keeps the arithmetic in range

Error refused(ByteView why) { return error(Errc::kUnauthorized, "token: " + std::string(why)); }

std::array<uint8_t, 32> signature(ByteView signed_part, ByteView secret) {
  return HmacKey(secret).sign({signed_part});
}

ByteView view(const std::array<uint8_t, 32>& digest) {
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

Status check_header(ByteView text) {
  const auto value = parse_json(text, kPartLimits);
  if (!value.ok()) return refused("header is not JSON");
  JsonObject header;
  if (!header.assign(*value).ok()) return refused("bad header");
  if (header.find("crit") != nullptr) return refused("critical header");
  std::string scratch;
  const JsonValue* const algorithm = header.find("alg");
  if (algorithm == nullptr || algorithm->text(scratch) != "HS256") return refused("algorithm");
  return {};
}

Status read_text(const JsonObject& claims, ByteView name, std::string& to) {
  const JsonValue* const value = claims.find(name);
  if (value == nullptr) return {};
  std::string scratch;
  const auto text = value->text(scratch);
  if (!text) return refused("a claim that should be text");
  to = *text;
  return {};
}

// A NumericDate may have a fraction; it is cut.
Status read_time(const JsonObject& claims, ByteView name, std::optional<int64_t>& to) {
  const JsonValue* const value = claims.find(name);
  if (value == nullptr) return {};
  const auto seconds = value->number();
  if (!seconds || std::abs(*seconds) > kSecondsMax) return refused("a claim that should be a time");
  to = static_cast<int64_t>(*seconds);
  return {};
}

Result<JwtClaims> read_claims(std::string text) {
  JwtClaims claims;
  claims.object = std::move(text);
  const auto value = parse_json(claims.object, kPartLimits);
  if (!value.ok()) return refused("claims are not JSON");
  JsonObject object;
  if (!object.assign(*value).ok()) return refused("bad claims");
  PH_TRY(read_text(object, "iss", claims.issuer));
  PH_TRY(read_text(object, "sub", claims.subject));
  PH_TRY(read_text(object, "org", claims.organization));
  PH_TRY(read_time(object, "iat", claims.issued_at));
  PH_TRY(read_time(object, "nbf", claims.not_before));
  PH_TRY(read_time(object, "exp", claims.expires_at));
  return claims;
}

}  // namespace

std::string encode_jwt(const JwtClaims& claims, ByteView secret) {
  std::string text;
  JsonWriter json(text);
  const auto put_text = [&json](ByteView name, const std::string& value) {
    if (value.empty()) return;
    json.key(name);
    json.string(value);
  };
  const auto put_time = [&json](ByteView name, const std::optional<int64_t>& value) {
    if (!value) return;
    json.key(name);
    json.integer(*value);
  };
  json.begin_object();
  put_text("iss", claims.issuer);
  put_text("sub", claims.subject);
  put_text("org", claims.organization);
  put_time("iat", claims.issued_at);
  put_time("nbf", claims.not_before);
  put_time("exp", claims.expires_at);
  json.end_object();
  std::string token;
  append_base64url(token, kHeader);
  token.push_back('.');
  append_base64url(token, text);
  const auto digest = signature(token, secret);
  token.push_back('.');
  append_base64url(token, view(digest));
  return token;
}

Result<JwtClaims> verify_jwt(ByteView token, ByteView secret, WallTime now) {
  if (token.size() > kJwtBytesMax) return refused("too long");
  const size_t first = token.find('.');
  const size_t last = token.rfind('.');
  if (first == ByteView::npos || first == last) return refused("not three parts");
  const auto given = decode_base64url(token.substr(last + 1));
  if (!given || !equal_secrets(*given, view(signature(token.substr(0, last), secret)))) {
    return refused("bad signature");
  }
  const auto header = decode_base64url(token.substr(0, first));
  auto text = decode_base64url(token.substr(first + 1, last - first - 1));
  if (!header || !text) return refused("not base64");
  PH_TRY(check_header(*header));
  PH_ASSIGN(JwtClaims claims, read_claims(*std::move(text)));
  if (claims.expires_at && now.us >= *claims.expires_at * kMicros) return refused("expired");
  if (claims.not_before && now.us < *claims.not_before * kMicros) return refused("not valid yet");
  return claims;
}

}  // namespace posthorn::wire

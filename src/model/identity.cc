// SHA-256 over length-prefixed parts, cut to 128 bits. A first part names the kind, so that
// the two kinds of keys, which share one index, never meet.
#include "model/identity.h"

#include <cstring>

#include "base/bytes.h"
#include "wire/sha256.h"

namespace posthorn::model {
namespace {

struct Length {
  char raw[4];
  explicit Length(std::string_view part) { store_le(raw, static_cast<uint32_t>(part.size())); }
  std::string_view view() const { return {raw, sizeof raw}; }
};

std::array<uint8_t, 16> cut(const wire::Sha256& digest) {
  std::array<uint8_t, 16> out;
  std::memcpy(out.data(), digest.data(), out.size());
  // All zeros means "no key".
  out[0] |= 1;
  return out;
}

}  // namespace

DedupeKey idempotency_of(const RequestIdentity& request, uint32_t item) {
  char item_raw[4];
  store_le(item_raw, item);
  const Length key(request.key), method(request.method), path(request.path), query(request.query);
  return {cut(wire::sha256({"request", request.organization.bytes.view(), key.view(), request.key,
                            method.view(), request.method, path.view(), request.path, query.view(),
                            request.query, std::string_view(item_raw, sizeof item_raw)}))};
}

DedupeKey event_id_key_of(const AppId& app, std::string_view event_id) {
  return {cut(wire::sha256({"event", app.bytes.view(), event_id}))};
}

std::array<uint8_t, 16> body_hash_of(std::string_view body) { return cut(wire::sha256({body})); }

}  // namespace posthorn::model

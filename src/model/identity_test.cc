// Two requests have one identity only when every part is equal.
#include "model/identity.h"

#include <gtest/gtest.h>

namespace posthorn::model {
namespace {

OrganizationId organization(uint8_t last) {
  OrganizationId id;
  id.bytes.raw[19] = last;
  return id;
}

TEST(Identity, ChangesWithEveryPartOfTheRequest) {
  const RequestIdentity base{organization(1), "key", "POST", "/a", "b=c"};
  std::vector<DedupeKey> keys = {idempotency_of(base, 0), idempotency_of(base, 1)};
  RequestIdentity other = base;
  other.organization = organization(2);
  keys.push_back(idempotency_of(other, 0));
  other = base;
  other.key = "kex";
  keys.push_back(idempotency_of(other, 0));
  other = base;
  other.method = "PUT";
  keys.push_back(idempotency_of(other, 0));
  other = base;
  other.path = "/ab";
  keys.push_back(idempotency_of(other, 0));
  // The same bytes in a row, cut elsewhere.
  other.query = "=c";
  keys.push_back(idempotency_of(other, 0));
  std::sort(keys.begin(), keys.end());
  EXPECT_EQ(std::adjacent_find(keys.begin(), keys.end()), keys.end());
  EXPECT_EQ(idempotency_of(base, 0), idempotency_of(base, 0));
}

TEST(Identity, OfAnEventIdBelongsToItsApplication) {
  AppId one, two;
  one.bytes.raw[19] = 1;
  two.bytes.raw[19] = 2;
  EXPECT_EQ(event_id_key_of(one, "e"), event_id_key_of(one, "e"));
  EXPECT_NE(event_id_key_of(one, "e"), event_id_key_of(two, "e"));
  EXPECT_NE(event_id_key_of(one, "e"), event_id_key_of(one, "f"));
  EXPECT_FALSE(event_id_key_of(one, "").empty());
}

TEST(Identity, OfABodyTellsBodiesApart) {
  EXPECT_EQ(body_hash_of("{}"), body_hash_of("{}"));
  EXPECT_NE(body_hash_of("{}"), body_hash_of("{ }"));
}

}  // namespace
}  // namespace posthorn::model

#include "http/pool_state.h"

#include <gtest/gtest.h>

namespace posthorn::http {
namespace {

PoolKey key(uint64_t owner, uint16_t port = 80, bool tls = false) {
  return {owner, {IpAddress::v4(1, 2, 3, 4), port}, tls};
}

TEST(PoolState, ReusesTheNewestOfTheSameKeyOnly) {
  PoolState pool(8);
  pool.put(key(1), 10, MonoTime{1});
  pool.put(key(1), 11, MonoTime{2});
  EXPECT_FALSE(pool.take(key(2)).has_value());
  EXPECT_FALSE(pool.take(key(1, 81)).has_value());
  EXPECT_FALSE(pool.take(key(1, 80, true)).has_value());
  EXPECT_EQ(pool.take(key(1)), 11u);
  EXPECT_EQ(pool.take(key(1)), 10u);
  EXPECT_FALSE(pool.take(key(1)).has_value());
  EXPECT_EQ(pool.idle(), 0u);
}

TEST(PoolState, OverTheLimitOfAKeyTheOldestGoes) {
  PoolState pool(2);
  EXPECT_FALSE(pool.put(key(1), 1, MonoTime{1}).has_value());
  EXPECT_FALSE(pool.put(key(1), 2, MonoTime{2}).has_value());
  EXPECT_EQ(pool.put(key(1), 3, MonoTime{3}), 1u);
  EXPECT_FALSE(pool.put(key(2), 4, MonoTime{4}).has_value());
  EXPECT_EQ(pool.idle(), 3u);
}

TEST(PoolState, FindsTheOldestTheStaleAndThoseOfAnOwner) {
  PoolState pool(8);
  EXPECT_FALSE(pool.oldest().has_value());
  pool.put(key(1), 1, MonoTime{10});
  pool.put(key(2), 2, MonoTime{20});
  pool.put(key(1, 443, true), 3, MonoTime{30});
  EXPECT_EQ(pool.oldest(), 1u);
  EXPECT_EQ(pool.idle_since(MonoTime{20}), (std::vector<ConnectionNumber>{1}));
  EXPECT_EQ(pool.of_owner(1), (std::vector<ConnectionNumber>{1, 3}));
  pool.remove(1);
  pool.remove(1);
  EXPECT_EQ(pool.oldest(), 2u);
}

}  // namespace
}  // namespace posthorn::http

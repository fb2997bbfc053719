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

TEST(PoolState, APlaceHasAnotherConnectionOnceItsFirstIsClosed) {
  PoolState pool(8);
  const ConnectionNumber first = ConnectionNumber{1} << kPlaceBits | 5;
  const ConnectionNumber second = ConnectionNumber{2} << kPlaceBits | 5;
  pool.put(key(1), first, MonoTime{1});
  EXPECT_EQ(pool.take(key(1)), first);
  pool.remove(first);  // it was in use
  pool.put(key(2), second, MonoTime{2});
  pool.remove(first);
  EXPECT_FALSE(pool.take(key(1)).has_value());
  EXPECT_EQ(pool.oldest(), second);
  EXPECT_EQ(pool.take(key(2)), second);
}

TEST(PoolState, AgesStayInOrderWhateverIsTakenAndClosed) {
  PoolState pool(8);
  for (ConnectionNumber number = 1; number <= 4; ++number) {
    pool.put(key(number % 2), number, MonoTime{static_cast<int64_t>(number)});
  }
  pool.remove(2);
  EXPECT_EQ(pool.take(key(1)), 3u);
  pool.put(key(1), 3, MonoTime{5});
  EXPECT_EQ(pool.idle_since(MonoTime{9}), (std::vector<ConnectionNumber>{1, 4, 3}));
  pool.remove(1);
  EXPECT_EQ(pool.oldest(), 4u);
  pool.remove(3);
  EXPECT_EQ(pool.idle_since(MonoTime{9}), (std::vector<ConnectionNumber>{4}));
}

}  // namespace
}  // namespace posthorn::http

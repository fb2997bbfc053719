#include "base/ids.h"

#include <gtest/gtest.h>

#include "base/rng.h"

namespace posthorn {
namespace {

TEST(Ids, RoundTripThroughText) {
  MessageId id;
  for (size_t i = 0; i < IdBytes::kSize; ++i) id.bytes.raw[i] = static_cast<uint8_t>(i * 37 + 5);
  const std::string text = id.text();
  EXPECT_EQ(text.size(), 31u);
  ASSERT_TRUE(MessageId::parse(text).has_value());
  EXPECT_EQ(*MessageId::parse(text), id);
}

TEST(Ids, TextOrderIsByteOrder) {
  IdBytes low, high;
  low.raw[19] = 255;
  high.raw[18] = 1;
  EXPECT_LT(low.base62(), high.base62());
  IdBytes top;
  top.raw.fill(255);
  EXPECT_EQ(top.base62(), "aWgEPTl1tmebfsQzFP4bxwgy80V");  // the largest value of 160 bits
}

TEST(Ids, EveryRandomIdRoundTripsInOrder) {
  Rng rng(3);
  IdBytes before;
  for (int i = 0; i < 10'000; ++i) {
    IdBytes id;
    rng.fill(id.raw);
    if (i % 3 == 0) std::fill(id.raw.begin(), id.raw.begin() + 1 + rng.below(19), uint8_t{0});
    const auto back = IdBytes::from_base62(id.base62());
    ASSERT_TRUE(back.has_value());
    ASSERT_EQ(*back, id);
    ASSERT_EQ(id < before, id.base62() < before.base62());
    before = id;
  }
}

TEST(Ids, RefusesWrongLengthDigitPrefixAndOverflow) {
  EXPECT_FALSE(MessageId::parse("msg_").has_value());
  EXPECT_FALSE(MessageId::parse("app_" + std::string(27, '0')).has_value());
  EXPECT_FALSE(MessageId::parse("msg_" + std::string(26, '0') + "-").has_value());
  EXPECT_FALSE(MessageId::parse("msg_" + std::string(27, 'z')).has_value());
  EXPECT_FALSE(MessageId::parse("msg_aWgEPTl1tmebfsQzFP4bxwgy80W").has_value());
  EXPECT_TRUE(MessageId::parse("msg_aWgEPTl1tmebfsQzFP4bxwgy80V").has_value());
}

TEST(Ids, TimePartIsExactToFourMilliseconds) {
  IdBytes id;
  const WallTime t{1'790'000'000'123'456};
  id.set_time(t);
  EXPECT_EQ(id.time().us, 1'790'000'000'120'000);
}

}  // namespace
}  // namespace posthorn

#include "base/bytes.h"
#include "base/function.h"
#include "base/result.h"
#include "base/rng.h"

#include <gtest/gtest.h>

namespace posthorn {
namespace {

Result<int> half(int n) {
  if (n % 2 != 0) return error(Errc::kInvalid, "odd");
  return n / 2;
}
Result<int> quarter(int n) {
  PH_ASSIGN(const int h, half(n));
  PH_ASSIGN(const int q, half(h));
  return q;
}

// Without braces on purpose: PH_TRY is one statement and leaves the `else` to its own `if`.
Result<std::string> name_of_half(bool first, int a, int b) {
  if (first)
    PH_TRY(half(a));
  else
    PH_TRY(half(b));
  return std::string(first ? "first" : "second");
}

TEST(Result, CarriesValueOrErrorThroughTheMacros) {
  EXPECT_EQ(quarter(8).value(), 2);
  ASSERT_FALSE(quarter(6).ok());
  EXPECT_EQ(quarter(6).error().code, Errc::kInvalid);
  EXPECT_EQ(std::move(quarter(6)).context("dividing").error().message, "dividing: odd");
}

TEST(Result, ATryBelongsToTheIfItStandsIn) {
  EXPECT_EQ(name_of_half(true, 2, 1).value(), "first");
  EXPECT_EQ(name_of_half(false, 1, 2).value(), "second");
  EXPECT_FALSE(name_of_half(true, 1, 2).ok());
  EXPECT_FALSE(name_of_half(false, 2, 1).ok());
}

TEST(ResultDeathTest, ValueOfAnErrorIsABug) {
  EXPECT_DEATH({ (void)quarter(5).value(); }, "CHECK failed");
}

TEST(UniqueFunction, MovesSmallAndLargeCallables) {
  auto owned = std::make_unique<int>(41);
  UniqueFunction<int(int)> small = [p = std::move(owned)](int add) { return *p + add; };
  UniqueFunction<int(int)> moved = std::move(small);
  EXPECT_EQ(moved(1), 42);
  EXPECT_FALSE(static_cast<bool>(small));  // NOLINT(bugprone-use-after-move): what it promises
  std::array<int, 64> table{};
  table[63] = 7;
  UniqueFunction<int(int)> large = [table](int at) { return table[static_cast<size_t>(at)]; };
  UniqueFunction<int(int)> large_moved = std::move(large);
  EXPECT_EQ(large_moved(63), 7);
}

TEST(Bytes, ReaderFailsForGoodAtTheEnd) {
  std::string out;
  ByteWriter writer(out);
  writer.u16(0x1234);
  writer.string32("abc");
  ByteReader reader(out);
  EXPECT_EQ(reader.u16(), 0x1234);
  EXPECT_EQ(reader.string32(), "abc");
  EXPECT_TRUE(reader.complete());
  EXPECT_EQ(reader.u8(), 0);
  EXPECT_TRUE(reader.failed());
  ByteReader lying(std::string_view("\xff\xff\xff\xff", 4));
  EXPECT_EQ(lying.string32(), "");
  EXPECT_TRUE(lying.failed());
}

TEST(Rng, SameSeedSameSequenceAndBoundsHold) {
  Rng a(7), b(7);
  for (int i = 0; i < 1000; ++i) {
    EXPECT_EQ(a.next(), b.next());
    EXPECT_LT(a.below(10), 10u);
    EXPECT_EQ(b.below(1), 0u);
    EXPECT_LT(a.unit(), 1.0);
    (void)b.next();
  }
}

}  // namespace
}  // namespace posthorn

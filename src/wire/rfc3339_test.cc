// Times as text: exact both ways, and everything else refused.
#include "wire/rfc3339.h"

namespace posthorn::wire {
namespace {

std::string text_of(int64_t us) {
  std::string out;
  append_rfc3339(out, WallTime{us});
  return out;
}

TEST(Rfc3339, WritesSixDigitsOfFraction) {
  EXPECT_EQ(text_of(0), "1970-01-01T00:00:00.000000Z");
  EXPECT_EQ(text_of(1'709'164'799'000'001), "2024-02-28T23:59:59.000001Z");
  EXPECT_EQ(text_of(-5), "1970-01-01T00:00:00.000000Z");
  EXPECT_EQ(text_of(INT64_MAX), "9999-12-31T23:59:59.999999Z");
}

TEST(Rfc3339, ReadsOffsetsAndFractions) {
  const struct {
    std::string_view text;
    int64_t us;
  } cases[] = {
      {"1970-01-01T00:00:00Z", 0},
      {"1970-01-01T02:00:00+02:00", 0},
      {"1970-01-01T00:00:01.5-00:30", 1'801'500'000},
      {"2024-02-29t12:00:00.123456789z", 1'709'208'000'123'456},
      {"2016-12-31T23:59:60Z", 1'483'228'799'000'000},
      {"2024-02-29 12:00:00Z", 1'709'208'000'000'000},
  };
  for (const auto& c : cases) {
    const auto time = parse_rfc3339(c.text);
    ASSERT_TRUE(time.has_value()) << c.text;
    EXPECT_EQ(time->us, c.us) << c.text;
  }
}

TEST(Rfc3339, RefusesWhatIsNotATime) {
  for (const std::string_view text :
       {"", "2024", "2024-02-30T00:00:00Z", "2023-02-29T00:00:00Z", "2024-13-01T00:00:00Z",
        "2024-01-01T24:00:00Z", "2024-01-01T00:60:00Z", "2024-01-01T00:00:00", "2024-01-01",
        "2024-01-01T00:00:00.Z", "2024-01-01T00:00:00.1234567890Z", "2024-01-01T00:00:00+2:00",
        "1969-12-31T23:59:59Z", "1970-01-01T00:00:00+00:01", "2024-01-01T00:00:00Zx",
        "+024-01-01T00:00:00Z", "2024-01-01T00:00:00 Z"}) {
    EXPECT_FALSE(parse_rfc3339(text).has_value()) << text;
  }
}

TEST(Rfc3339, ReadsBackWhatItWrote) {
  for (int64_t us = 1; us < 250'000'000'000'000'000; us = us * 7 + 12345) {
    EXPECT_EQ(parse_rfc3339(text_of(us)), WallTime{us});
  }
}

}  // namespace
}  // namespace posthorn::wire

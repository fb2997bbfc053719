#include "wire/time_text.h"

#include <gtest/gtest.h>

#include "base/rng.h"

namespace posthorn::wire {
namespace {

constexpr int64_t kNov22 = 1'795'366'800'000'000;  // 2026-11-22T17:00:00Z

std::string http_date(WallTime time) {
  std::string out;
  append_http_date(out, time);
  return out;
}

TEST(TimeText, FormatsRfc3339InUtc) {
  EXPECT_EQ(rfc3339(WallTime{kNov22 + 123'456}), "2026-11-22T17:00:00.123456Z");
  EXPECT_EQ(rfc3339(WallTime{0}), "1970-01-01T00:00:00.000000Z");
  EXPECT_EQ(rfc3339(WallTime{-1}), "1970-01-01T00:00:00.000000Z");
  EXPECT_EQ(rfc3339(WallTime{951'782'400'000'000}), "2000-02-29T00:00:00.000000Z");
  EXPECT_EQ(rfc3339(WallTime{INT64_MAX}), "9999-12-31T23:59:59.999999Z");
}

TEST(TimeText, ParsesRfc3339) {
  EXPECT_EQ(parse_rfc3339("2026-11-22T17:00:00Z"), WallTime{kNov22});
  EXPECT_EQ(parse_rfc3339("2026-11-22 17:00:00z"), WallTime{kNov22});
  EXPECT_EQ(parse_rfc3339("2026-11-22T17:00:00.5Z"), WallTime{kNov22 + 500'000});
  EXPECT_EQ(parse_rfc3339("2026-11-22T17:00:00.123456789Z"), WallTime{kNov22 + 123'456});
  EXPECT_EQ(parse_rfc3339("2026-11-22T18:30:00+01:30"), WallTime{kNov22});
  EXPECT_EQ(parse_rfc3339("2026-11-22T16:00:00-01:00"), WallTime{kNov22});
  EXPECT_EQ(parse_rfc3339("2026-11-22T16:59:60Z"), WallTime{kNov22 - 1'000'000});
}

TEST(TimeText, RefusesOtherRfc3339) {
  for (const ByteView bad : {"",
                             "2026-11-22",
                             "2026-11-22T17:00:00",
                             "2026-11-22_17:00:00Z",
                             "2026-13-01T00:00:00Z",
                             "2026-00-01T00:00:00Z",
                             "2026-02-29T00:00:00Z",
                             "2026-01-32T00:00:00Z",
                             "2026-01-00T00:00:00Z",
                             "2026-01-01T24:00:00Z",
                             "2026-01-01T00:60:00Z",
                             "2026-01-01T00:00:61Z",
                             "2026-01-01T00:00:00.Z",
                             "2026-01-01T00:00:00Zx",
                             "2026-01-01T00:00:00+1:00",
                             "2026-01-01T00:00:00+24:00",
                             "2026-1-01T00:00:00Z",
                             "2026-01-01T00:00:00.1234567890Z",
                             "+026-01-01T00:00:00Z",
                             " 2026-01-01T00:00:00Z",
                             "1969-12-31T23:59:59Z",
                             "1970-01-01T00:00:00+00:01",
                             "9999-12-31T23:59:59-00:01"}) {
    EXPECT_EQ(parse_rfc3339(bad), std::nullopt) << bad;
  }
}

TEST(TimeText, FormatsAndParsesHttpDates) {
  EXPECT_EQ(http_date(WallTime{kNov22 + 999'999}), "Sun, 22 Nov 2026 17:00:00 GMT");
  EXPECT_EQ(http_date(WallTime{784'111'777'000'000}), "Sun, 06 Nov 1994 08:49:37 GMT");
  EXPECT_EQ(http_date(WallTime{-5}), "Thu, 01 Jan 1970 00:00:00 GMT");
  EXPECT_EQ(parse_http_date("Sun, 22 Nov 2026 17:00:00 GMT"), WallTime{kNov22});
  EXPECT_EQ(parse_http_date("Sun, 22 Nov 2026 18:30:00 +0130"), WallTime{kNov22});
  EXPECT_EQ(parse_http_date("22 Nov 2026 16:00:00 -0100"), WallTime{kNov22});
}

TEST(TimeText, RefusesOtherHttpDates) {
  for (const ByteView bad : {"", "120", "Sun, 22 Nov 2026 17:00:00", "Sun 22 Nov 2026 17:00:00 GMT",
                             "Sun, 31 Feb 2026 17:00:00 GMT", "Sun, 00 Nov 2026 17:00:00 GMT",
                             "Sun, 22 Foo 2026 17:00:00 GMT", "Sun, 22 Nov 2026 24:00:00 GMT",
                             "Sun, 22 Nov 2026 17:60:00 GMT", "Sun, 22 Nov 2026 17:00:00 GMTX",
                             "Sun, 22 Nov 2026 17:00:00 1000", "Sunday, 22-Nov-26 17:00:00 GMT"}) {
    EXPECT_EQ(parse_http_date(bad), std::nullopt) << bad;
  }
}

TEST(TimeText, EveryTimeRoundTrips) {
  Rng rng(11);
  for (int i = 0; i < 20'000; ++i) {
    const WallTime time{static_cast<int64_t>(rng.below(253'402'300'799'000'000))};
    EXPECT_EQ(parse_rfc3339(rfc3339(time)), time) << time.us;
    const WallTime second{time.us / 1'000'000 * 1'000'000};
    ASSERT_EQ(http_date(second).size(), 29u);
    EXPECT_EQ(parse_http_date(http_date(second)), second) << time.us;
  }
}

}  // namespace
}  // namespace posthorn::wire

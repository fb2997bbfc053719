// Times as text: the calendar is the proleptic Gregorian one, days counted from 1970.
#include "wire/rfc3339.h"

#include <algorithm>
#include <chrono>

namespace posthorn::wire {
namespace {

constexpr int64_t kMicros = 1'000'000;
constexpr int64_t kDaySeconds = 86'400;
constexpr int64_t kLastSecond = 253'402'300'799;  // 9999-12-31T23:59:59Z

void put_digits(char* to, uint64_t value, int digits) {
  while (digits > 0) {
    to[--digits] = static_cast<char>('0' + value % 10);
    value /= 10;
  }
}

// The number of exactly `count` digits at the front of `text`, which is shortened; -1 when there
// are none.
int take_digits(ByteView& text, size_t count) {
  if (text.size() < count) return -1;
  int value = 0;
  for (size_t i = 0; i < count; ++i) {
    if (text[i] < '0' || text[i] > '9') return -1;
    value = value * 10 + (text[i] - '0');
  }
  text.remove_prefix(count);
  return value;
}

bool take(ByteView& text, ByteView any_of) {
  if (text.empty() || any_of.find(text.front()) == ByteView::npos) return false;
  text.remove_prefix(1);
  return true;
}

// Days since 1970, or nothing when there is no such day.
std::optional<int64_t> take_date(ByteView& text) {
  const int year = take_digits(text, 4);
  if (year < 1970 || !take(text, "-")) return std::nullopt;
  const int month = take_digits(text, 2);
  if (month < 1 || !take(text, "-")) return std::nullopt;
  const int day = take_digits(text, 2);
  if (day < 1) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year{year},
                                         std::chrono::month{static_cast<unsigned>(month)},
                                         std::chrono::day{static_cast<unsigned>(day)}};
  if (!date.ok()) return std::nullopt;
  return std::chrono::sys_days{date}.time_since_epoch().count();
}

std::optional<int64_t> take_time_of_day(ByteView& text) {
  const int hour = take_digits(text, 2);
  if (hour < 0 || hour > 23 || !take(text, ":")) return std::nullopt;
  const int minute = take_digits(text, 2);
  if (minute < 0 || minute > 59 || !take(text, ":")) return std::nullopt;
  const int second = take_digits(text, 2);
  if (second < 0 || second > 60) return std::nullopt;  // 60: a leap second, counted as 59
  return hour * 3600 + minute * 60 + std::min(second, 59);
}

std::optional<int64_t> take_fraction_us(ByteView& text) {
  if (!take(text, ".")) return 0;
  int64_t micros = 0;
  int64_t weight = kMicros / 10;
  size_t digits = 0;
  for (; !text.empty() && text.front() >= '0' && text.front() <= '9'; ++digits) {
    micros += (text.front() - '0') * weight;
    weight /= 10;
    text.remove_prefix(1);
  }
  if (digits == 0 || digits > 9) return std::nullopt;
  return micros;
}

std::optional<int64_t> take_offset_seconds(ByteView& text) {
  if (take(text, "Zz")) return 0;
  const bool behind = text.starts_with('-');
  if (!take(text, "+-")) return std::nullopt;
  const int hour = take_digits(text, 2);
  if (hour < 0 || hour > 23 || !take(text, ":")) return std::nullopt;
  const int minute = take_digits(text, 2);
  if (minute < 0 || minute > 59) return std::nullopt;
  const int64_t ahead = hour * 3600 + minute * 60;
  return behind ? -ahead : ahead;
}

}  // namespace

void append_rfc3339(std::string& out, WallTime time) {
  const int64_t us = std::clamp<int64_t>(time.us, 0, kLastSecond * kMicros + kMicros - 1);
  const int64_t second = us / kMicros;
  const std::chrono::year_month_day date{
      std::chrono::sys_days{std::chrono::days{second / kDaySeconds}}};
  const auto of_day = static_cast<uint64_t>(second % kDaySeconds);
  char text[] = "0000-00-00T00:00:00.000000Z";
  put_digits(text, static_cast<uint64_t>(static_cast<int>(date.year())), 4);
  put_digits(text + 5, static_cast<unsigned>(date.month()), 2);
  put_digits(text + 8, static_cast<unsigned>(date.day()), 2);
  put_digits(text + 11, of_day / 3600, 2);
  put_digits(text + 14, of_day / 60 % 60, 2);
  put_digits(text + 17, of_day % 60, 2);
  put_digits(text + 20, static_cast<uint64_t>(us % kMicros), 6);
  out.append(text, sizeof text - 1);
}

std::optional<WallTime> parse_rfc3339(ByteView text) {
  const auto days = take_date(text);
  if (!days || !take(text, "Tt ")) return std::nullopt;
  const auto of_day = take_time_of_day(text);
  if (!of_day) return std::nullopt;
  const auto fraction_us = take_fraction_us(text);
  if (!fraction_us) return std::nullopt;
  const auto ahead = take_offset_seconds(text);
  if (!ahead || !text.empty()) return std::nullopt;
  const int64_t second = *days * kDaySeconds + *of_day - *ahead;
  if (second < 0 || second > kLastSecond) return std::nullopt;
  return WallTime{second * kMicros + *fraction_us};
}

}  // namespace posthorn::wire

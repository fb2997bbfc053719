// Both text forms of time over the calendar of <chrono>; month and day names are English by
// definition.
#include "wire/time_text.h"

#include <algorithm>
#include <chrono>

namespace posthorn::wire {
namespace {

constexpr int64_t kMicros = 1'000'000;
constexpr int64_t kDaySeconds = 86'400;
constexpr int64_t kLastSecond = 253'402'300'799;  // 9999-12-31T23:59:59Z
constexpr size_t kFractionDigitsMax = 9;
constexpr ByteView kWeekdays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
constexpr ByteView kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

struct Broken {
  std::chrono::sys_days day;
  std::chrono::year_month_day date;
  int64_t second_of_day, micros;
};

Broken break_down(WallTime time) {
  const int64_t us = std::clamp<int64_t>(time.us, 0, kLastSecond * kMicros + kMicros - 1);
  const int64_t second = us / kMicros;
  const std::chrono::sys_days day{std::chrono::days{second / kDaySeconds}};
  return {day, std::chrono::year_month_day{day}, second % kDaySeconds, us % kMicros};
}

void put_digits(char* to, int64_t value, size_t count) {
  for (size_t i = count; i-- > 0; value /= 10) to[i] = static_cast<char>('0' + value % 10);
}

void put_clock(char* to, int64_t second_of_day) {
  put_digits(to, second_of_day / 3600, 2);
  put_digits(to + 3, second_of_day / 60 % 60, 2);
  put_digits(to + 6, second_of_day % 60, 2);
}

// Reads fields off the front of a text; failed for good once something was missing.
class Fields {
 public:
  explicit Fields(ByteView text) : text_(text) {}
  int digits(size_t count, int most) {
    int value = 0;
    for (size_t i = 0; i < count; ++i) {
      if (i >= text_.size() || text_[i] < '0' || text_[i] > '9') good_ = false;
      if (!good_) return 0;
      value = value * 10 + (text_[i] - '0');
    }
    text_.remove_prefix(count);
    good_ = good_ && value <= most;
    return value;
  }
  bool digit_next() const { return !text_.empty() && text_[0] >= '0' && text_[0] <= '9'; }
  bool take(ByteView literal) {
    if (!text_.starts_with(literal)) return false;
    text_.remove_prefix(literal.size());
    return true;
  }
  bool take_any(ByteView bytes) {
    return std::any_of(bytes.begin(), bytes.end(), [this](char c) { return take({&c, 1}); });
  }
  void expect(ByteView literal) { require(take(literal)); }
  void require(bool condition) { good_ = good_ && condition; }
  bool complete() const { return good_ && text_.empty(); }

 private:
  ByteView text_;
  bool good_ = true;
};

int64_t take_clock(Fields& in) {
  int64_t second = in.digits(2, 23) * 3600;
  in.expect(":");
  second += in.digits(2, 59) * 60;
  in.expect(":");
  return second + std::min(in.digits(2, 60), 59);  // a leap second counts as the one before
}

// "+01:00", or "+0100" when `colon` is empty: seconds ahead of UTC.
int64_t take_offset(Fields& in, ByteView colon) {
  const bool behind = in.take("-");
  if (!behind) in.expect("+");
  const int hours = in.digits(2, 23);
  in.expect(colon);
  const int64_t ahead = hours * 3600 + in.digits(2, 59) * 60;
  return behind ? -ahead : ahead;
}

unsigned take_month_name(Fields& in) {
  const auto found = std::find_if(std::begin(kMonths), std::end(kMonths),
                                  [&in](ByteView name) { return in.take(name); });
  return static_cast<unsigned>(found - std::begin(kMonths)) + 1;
}

struct Reading {
  int year = 0;
  unsigned month = 0, day = 0;
  int64_t second_of_day = 0, ahead = 0, micros = 0;
};

std::optional<WallTime> assemble(const Fields& in, const Reading& read) {
  const std::chrono::year_month_day date{
      std::chrono::year{read.year}, std::chrono::month{read.month}, std::chrono::day{read.day}};
  if (!in.complete() || !date.ok()) return std::nullopt;
  const int64_t days = std::chrono::sys_days{date}.time_since_epoch().count();
  const int64_t second = days * kDaySeconds + read.second_of_day - read.ahead;
  if (second < 0 || second > kLastSecond) return std::nullopt;
  return WallTime{second * kMicros + read.micros};
}

}  // namespace

void append_rfc3339(std::string& out, WallTime time) {
  const Broken at = break_down(time);
  char text[] = "0000-00-00T00:00:00.000000Z";
  put_digits(text, static_cast<int>(at.date.year()), 4);
  put_digits(text + 5, static_cast<unsigned>(at.date.month()), 2);
  put_digits(text + 8, static_cast<unsigned>(at.date.day()), 2);
  put_clock(text + 11, at.second_of_day);
  put_digits(text + 20, at.micros, 6);
  out.append(text, sizeof text - 1);
}

std::string rfc3339(WallTime time) {
  std::string out;
  append_rfc3339(out, time);
  return out;
}

std::optional<WallTime> parse_rfc3339(ByteView text) {
  Fields in(text);
  Reading read;
  read.year = in.digits(4, 9999);
  in.expect("-");
  read.month = static_cast<unsigned>(in.digits(2, 12));
  in.expect("-");
  read.day = static_cast<unsigned>(in.digits(2, 31));
  in.require(in.take_any("Tt "));
  read.second_of_day = take_clock(in);
  if (in.take(".")) {
    in.require(in.digit_next());
    int64_t weight = kMicros / 10;
    for (size_t i = 0; i < kFractionDigitsMax && in.digit_next(); ++i, weight /= 10) {
      read.micros += in.digits(1, 9) * weight;
    }
  }
  if (!in.take_any("Zz")) read.ahead = take_offset(in, ":");
  return assemble(in, read);
}

void append_http_date(std::string& out, WallTime time) {
  const Broken at = break_down(time);
  char text[] = "Day, 00 Mon 0000 00:00:00 GMT";
  kWeekdays[std::chrono::weekday{at.day}.c_encoding()].copy(text, 3);
  put_digits(text + 5, static_cast<unsigned>(at.date.day()), 2);
  kMonths[static_cast<unsigned>(at.date.month()) - 1].copy(text + 8, 3);
  put_digits(text + 12, static_cast<int>(at.date.year()), 4);
  put_clock(text + 17, at.second_of_day);
  out.append(text, sizeof text - 1);
}

std::optional<WallTime> parse_http_date(ByteView text) {
  Fields in(text);
  // The name of the day is not compared with the date: a receiver's slip there harms nobody.
  const bool named = std::any_of(std::begin(kWeekdays), std::end(kWeekdays),
                                 [&in](ByteView name) { return in.take(name); });
  if (named) in.expect(", ");
  Reading read;
  read.day = static_cast<unsigned>(in.digits(2, 31));
  in.expect(" ");
  read.month = take_month_name(in);
  in.expect(" ");
  read.year = in.digits(4, 9999);
  in.expect(" ");
  read.second_of_day = take_clock(in);
  in.expect(" ");
  if (!in.take("GMT")) read.ahead = take_offset(in, "");
  return assemble(in, read);
}

}  // namespace posthorn::wire

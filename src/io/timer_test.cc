// The wheel against a sorted list: random arming, cancelling, re-arming, advancing, and destroying
// inside callbacks.
#include "io/timer.h"

#include <gtest/gtest.h>

#include <map>

#include "base/rng.h"

namespace posthorn::io {
namespace {

constexpr MonoTime kStart{123'456'789};

MonoTime at_ms(int64_t ms) { return kStart + milliseconds{ms}; }

TEST(TimerWheel, FiresAtItsTimeAndNotBefore) {
  TimerWheel wheel(kStart);
  int fired = 0;
  Timer timer(wheel, [&] { ++fired; });
  timer.arm_at(at_ms(700));
  EXPECT_TRUE(timer.armed());
  wheel.advance(at_ms(699));
  EXPECT_EQ(fired, 0);
  wheel.advance(at_ms(700));
  EXPECT_EQ(fired, 1);
  EXPECT_FALSE(timer.armed());
  wheel.advance(at_ms(100'000));
  EXPECT_EQ(fired, 1);
}

TEST(TimerWheel, ATimeInThePastFiresWithTheNextTick) {
  TimerWheel wheel(kStart);
  wheel.advance(at_ms(5000));
  int fired = 0;
  Timer timer(wheel, [&] { ++fired; });
  timer.arm_at(at_ms(10));
  EXPECT_EQ(wheel.next_expiry(), at_ms(5001));
  wheel.advance(at_ms(5001));
  EXPECT_EQ(fired, 1);
}

TEST(TimerWheel, NextExpiryIsNeverLaterThanTheDeadline) {
  Rng rng(7);
  for (int round = 0; round < 2000; ++round) {
    TimerWheel wheel(kStart);
    wheel.advance(at_ms(static_cast<int64_t>(rng.below(1 << 20))));
    bool fired = false;
    Timer timer(wheel, [&] { fired = true; });
    const MonoTime deadline = at_ms((1 << 20) + static_cast<int64_t>(rng.next() % (1ull << 40)));
    timer.arm_at(deadline);
    int calls = 0;
    while (!fired) {
      const auto next = wheel.next_expiry();
      ASSERT_TRUE(next.has_value());
      ASSERT_LE(*next, deadline);
      wheel.advance(*next);
      ASSERT_LT(++calls, 300);  // 2^40 ms are 256 turns of the coarsest level
    }
    EXPECT_FALSE(wheel.next_expiry().has_value());
  }
}

TEST(TimerWheel, TellsItsOwnerOnlyWhenItMustWakeEarlier) {
  TimerWheel wheel(kStart);
  int told = 0;
  wheel.on_earlier([&] { ++told; });
  Timer timer(wheel, [] {});
  // A deadline ten seconds ahead, armed and cancelled with each of many requests.
  for (int64_t request = 0; request < 5000; ++request) {
    timer.arm_at(at_ms(10'000 + request));
    timer.cancel();
  }
  EXPECT_EQ(told, 1);
  Timer sooner(wheel, [] {});
  sooner.arm_at(at_ms(20));
  EXPECT_EQ(told, 2);
}

TEST(TimerWheel, ACallbackMayDestroyAndRearmAnyTimer) {
  TimerWheel wheel(kStart);
  std::string order;
  std::optional<Timer> second;
  Timer first(wheel, [&] {
    order += '1';
    second.reset();
  });
  second.emplace(wheel, [&] { order += '2'; });
  std::unique_ptr<Timer> self;
  self = std::make_unique<Timer>(wheel, [&] {
    order += 's';
    self.reset();
  });
  Timer again(wheel, [&] {
    order += 'a';
    if (order.size() < 5) again.arm_at(at_ms(0));
  });
  for (Timer* timer : {&first, &*second, self.get(), &again}) timer->arm_at(at_ms(300));
  wheel.advance(at_ms(300));
  EXPECT_EQ(order, "1sa");
  wheel.advance(at_ms(310));
  EXPECT_EQ(order, "1saaa");
  EXPECT_EQ(wheel.armed(), 0u);
}

// What the wheel should do, done slowly: timers sorted by (tick, order of arming).
class Reference {
 public:
  using Key = std::pair<uint64_t, uint64_t>;
  void arm(int timer, MonoTime when, uint64_t now_tick) {
    cancel(timer);
    const auto tick = static_cast<uint64_t>((when.ns - kStart.ns + 999'999) / 1'000'000);
    const Key key{std::max(tick, now_tick + 1), ++order_};
    waiting_[key] = timer;
    keys_[timer] = key;
  }
  void cancel(int timer) {
    if (const auto at = keys_.find(timer); at != keys_.end()) {
      waiting_.erase(at->second);
      keys_.erase(at);
    }
  }
  std::vector<int> advance(uint64_t to_tick) {
    std::vector<int> fired;
    while (!waiting_.empty() && waiting_.begin()->first.first <= to_tick) {
      fired.push_back(waiting_.begin()->second);
      cancel(waiting_.begin()->second);
    }
    return fired;
  }
  size_t size() const { return waiting_.size(); }

 private:
  std::map<Key, int> waiting_;
  std::map<int, Key> keys_;
  uint64_t order_ = 0;
};

int64_t random_delay_us(Rng& rng) {
  static constexpr int64_t kScales[] = {2'000, 300'000, 70'000'000, 20'000'000'000};
  return static_cast<int64_t>(rng.below(static_cast<uint64_t>(kScales[rng.below(4)])));
}

// A wheel beside the reference, with timers of which every fourth destroys itself when it fires.
class WheelAndReference {
 public:
  void change(Rng& rng) {
    const int which = static_cast<int>(rng.below(timers_.size()));
    auto& timer = timers_[static_cast<size_t>(which)];
    const uint64_t dice = rng.below(10);
    if (!timer) timer = std::make_unique<Timer>(wheel_, [this, which] { on_fire(which); });
    if (dice < 6) {
      const MonoTime when = now_ + microseconds{random_delay_us(rng) - 1000};
      timer->arm_at(when);
      reference_.arm(which, when, tick());
    } else if (dice < 8) {
      timer->cancel();
      if (dice == 7) timer.reset();
      reference_.cancel(which);
    } else {
      now_ = now_ + microseconds{random_delay_us(rng)};
      fired_.clear();
      wheel_.advance(now_);
      EXPECT_EQ(fired_, reference_.advance(tick()));
    }
    EXPECT_EQ(wheel_.armed(), reference_.size());
  }

 private:
  uint64_t tick() const { return static_cast<uint64_t>((now_ - kStart).count() / 1'000'000); }
  void on_fire(int which) {
    fired_.push_back(which);
    if (which % 4 == 0) timers_[static_cast<size_t>(which)].reset();
  }

  TimerWheel wheel_{kStart};
  Reference reference_;
  std::vector<std::unique_ptr<Timer>> timers_ = std::vector<std::unique_ptr<Timer>>(60);
  std::vector<int> fired_;
  MonoTime now_ = kStart;
};

TEST(TimerWheel, AgreesWithASortedList) {
  for (uint64_t seed = 1; seed <= 30; ++seed) {
    Rng rng(seed);
    WheelAndReference both;
    for (int step = 0; step < 3000; ++step) {
      both.change(rng);
      ASSERT_FALSE(testing::Test::HasFailure()) << "seed " << seed << " step " << step;
    }
  }
}

}  // namespace
}  // namespace posthorn::io

// Timers, posting, mailboxes and workers: one body for both forms where that makes sense.
#include "io/loop.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "io/mailbox.h"
#include "io/testing/forms.h"
#include "io/worker.h"

namespace posthorn::io {
namespace {

class LoopTest : public testing::TestWithParam<NamedForm> {
 protected:
  Loop& loop() { return form_->loop(); }
  MonoTime now() { return form_->host().clock().now(); }
  bool run_until(std::function<bool()> done) { return form_->run_until(std::move(done)); }
  std::unique_ptr<HostForm> form_ = GetParam().make();
  std::unique_ptr<Timer> timer_;
};

INSTANTIATE_TEST_SUITE_P(Forms, LoopTest, testing::ValuesIn(all_forms()),
                         [](const auto& about) { return about.param.name; });

TEST_P(LoopTest, TimersFireInOrderAndNotEarly) {
  std::string order;
  const MonoTime start = now();
  std::vector<std::unique_ptr<Timer>> timers;
  for (const int ms : {60, 5, 30}) {
    timers.push_back(std::make_unique<Timer>(loop().timers(), [&order, ms, start, this] {
      EXPECT_GE(now(), start + milliseconds{ms});
      order += std::to_string(ms) + " ";
    }));
    timers.back()->arm_at(start + milliseconds{ms});
  }
  ASSERT_TRUE(run_until([&] { return order.size() == 8; }));
  EXPECT_EQ(order, "5 30 60 ");
}

TEST_P(LoopTest, AnEarlierTimerIsNotKeptWaitingByALaterOne) {
  bool fired = false;
  Timer late(loop().timers(), [] { FAIL() << "an hour has not passed"; });
  Timer soon(loop().timers(), [&] { fired = true; });
  late.arm_at(now() + seconds{3600});
  loop().post([&] { soon.arm_at(now() + milliseconds{10}); });
  EXPECT_TRUE(run_until([&] { return fired; }));
}

TEST_P(LoopTest, WorkersRunTasksInOrderAndBoundThem) {
  std::vector<int> done;
  bool all = false;
  auto worker = form_->host().make_worker("test", 100);
  for (int i = 0; i < 50; ++i) ASSERT_TRUE(worker->post([&done, i] { done.push_back(i); }));
  ASSERT_TRUE(worker->post([&] { loop().post_remote([&] { all = true; }); }));
  ASSERT_TRUE(run_until([&] { return all; }));
  ASSERT_EQ(done.size(), 50u);
  EXPECT_TRUE(std::is_sorted(done.begin(), done.end()));
}

TEST_P(LoopTest, AWorkerThatEndsFinishesWhatItTook) {
  int done = 0;
  {
    auto worker = form_->host().make_worker("test", 100);
    for (int i = 0; i < 100; ++i) ASSERT_TRUE(worker->post([&] { ++done; }));
  }
  EXPECT_EQ(done, 100);
}

TEST_P(LoopTest, AFullWorkerRefuses) {
  std::mutex closed;
  int done = 0;
  closed.lock();
  {
    auto worker = form_->host().make_worker("test", 3);
    int taken = 0;
    const bool threaded = GetParam().name == "Linux";
    while (taken < 10 && worker->post([&] {
      if (threaded) std::lock_guard<std::mutex>{closed};
      ++done;
    })) {
      ++taken;
    }
    EXPECT_GE(taken, 3);
    EXPECT_LE(taken, 4);  // one may have started
    closed.unlock();
  }
  EXPECT_GE(done, 3);
}

TEST_P(LoopTest, AMailboxBoundsAndKeepsOrder) {
  std::vector<int> got;
  Mailbox<int> mailbox(loop(), 10, [&](std::vector<int>& values) {
    got.insert(got.end(), values.begin(), values.end());
  });
  for (int i = 0; i < 12; ++i) EXPECT_EQ(mailbox.push(int{i}), i < 10);
  ASSERT_TRUE(run_until([&] { return got.size() == 10; }));
  EXPECT_TRUE(mailbox.push(10));
  ASSERT_TRUE(run_until([&] { return got.size() == 11; }));
  EXPECT_TRUE(std::is_sorted(got.begin(), got.end()));
}

constexpr int kSenders = 3, kValues = 5000;

void push_all(Mailbox<std::pair<int, int>>& mailbox, int sender) {
  for (int i = 0; i < kValues; ++i) {
    while (!mailbox.push({sender, i})) std::this_thread::yield();
  }
}

TEST(LinuxLoop, MailboxesCarryValuesBetweenThreads) {
  const auto form = make_linux_form();
  std::vector<std::vector<int>> got(kSenders);
  size_t total = 0;
  {
    Mailbox<std::pair<int, int>> mailbox(form->loop(), 64, [&](auto& values) {
      for (const auto& [sender, value] : values) got[static_cast<size_t>(sender)].push_back(value);
      total += values.size();
    });
    std::vector<std::thread> senders;
    senders.reserve(kSenders);
    for (int sender = 0; sender < kSenders; ++sender) {
      senders.emplace_back([&mailbox, sender] { push_all(mailbox, sender); });
    }
    EXPECT_TRUE(form->run_until([&] { return total == kSenders * kValues; }, seconds{60}));
    for (std::thread& sender : senders) sender.join();
  }
  for (const auto& values : got) {
    EXPECT_EQ(values.size(), static_cast<size_t>(kValues));
    EXPECT_TRUE(std::is_sorted(values.begin(), values.end()));
  }
}

TEST_P(LoopTest, TheTimeOfAHandlerStandsStillAndNeverRunsAhead) {
  MonoTime first, second, later;
  bool done = false;
  loop().post([&] {
    first = loop().now();
    second = loop().now();
    EXPECT_LE(first, now());
    timer_ = std::make_unique<Timer>(loop().timers(), [&] {
      later = loop().now();
      EXPECT_LE(later, now());
      done = true;
    });
    timer_->arm_at(first + milliseconds{5});
  });
  ASSERT_TRUE(run_until([&] { return done; }));
  EXPECT_EQ(first, second);
  EXPECT_GE(later, first + milliseconds{5});
}

// What is added to the end of a turn while it ends still belongs to it; what is posted remotely is
// not lost while the loop is busy.
TEST_P(LoopTest, AChainOfTurnEndsAndRemoteTasksComesToItsEnd) {
  int left = 100;
  std::function<void()> next = [&] {
    if (--left == 0) return;
    if (left % 2 == 0)
      loop().post_at_turn_end([&] { next(); });
    else
      loop().post_remote([&] { next(); });
  };
  loop().post([&] { next(); });
  EXPECT_TRUE(run_until([&] { return left == 0; }));
}

TEST(LinuxLoop, StopsFromAnotherThread) {
  const auto form = make_linux_form();
  std::thread stopper([&] { form->loop().stop(); });
  form->loop().run();
  stopper.join();
}

TEST(LinuxLoop, DropsWhatWasPostedWhenItGoes) {
  auto owned = std::make_shared<int>(1);
  const std::weak_ptr<int> alive = owned;
  {
    const auto form = make_linux_form();
    form->loop().post([owned] {});
    form->loop().post_remote([owned = std::move(owned)] {});
  }
  EXPECT_TRUE(alive.expired());
}

TEST_P(LoopTest, LongChainsOfTasksLeaveRoomForTimers) {
  bool fired = false;
  uint64_t links = 0;
  Timer soon(loop().timers(), [&] { fired = true; });
  soon.arm_at(now() + milliseconds{5});
  std::function<void()> link = [&] {
    if (GetParam().name == "Sim" ? ++links < 1000 : !fired) loop().post(link);
  };
  loop().post(link);
  EXPECT_TRUE(run_until([&] { return fired; }));
}

}  // namespace
}  // namespace posthorn::io

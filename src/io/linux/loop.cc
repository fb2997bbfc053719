// The event loop: reactor, timers, net and resolver of one thread. The system has one timer for
// the whole wheel. It is set anew only when something must happen earlier; a deadline that is
// armed and cancelled with each request costs no system call.
#include "io/linux/loop.h"

#include <boost/asio/basic_waitable_timer.hpp>
#include <chrono>

#include "io/linux/net.h"
#include "io/linux/reactor.h"
#include "io/linux/resolver.h"
#include "io/timer.h"

namespace posthorn::io {
namespace {

using SystemTimer =
    boost::asio::basic_waitable_timer<std::chrono::steady_clock,
                                      boost::asio::wait_traits<std::chrono::steady_clock>,
                                      Reactor::Executor>;

class LinuxLoop final : public Loop {
 public:
  LinuxLoop(const Clock& clock, const ResolverOptions& resolver)
      : clock_(clock),
        system_timer_(reactor_.context()),
        timers_(clock.now()),
        net_(make_linux_net(reactor_, timers_, clock)),
        resolver_(make_linux_resolver(reactor_, timers_, clock, resolver)) {
    timers_.on_earlier([this] { set_system_timer(); });
  }

  LinuxLoop(const LinuxLoop&) = delete;
  LinuxLoop& operator=(const LinuxLoop&) = delete;
  ~LinuxLoop() override { reactor_.drop_tasks(); }

  const Clock& clock() const override { return clock_; }
  Net& net() override { return *net_; }
  Resolver& resolver() override { return *resolver_; }
  TimerWheel& timers() override { return timers_; }
  void post(Task task) override { reactor_.post(std::move(task)); }
  void post_at_turn_end(Task task) override { reactor_.post_at_turn_end(std::move(task)); }
  void post_remote(Task task) override { reactor_.post_remote(std::move(task)); }
  void run() override { reactor_.run(); }
  void stop() override { reactor_.stop(); }

 private:
  void set_system_timer() {
    const auto next = timers_.next_expiry();
    if (!next || (set_for_ && *set_for_ <= *next)) return;
    set_for_ = next;
    // MonoTime and steady_clock are both CLOCK_MONOTONIC.
    system_timer_.expires_at(std::chrono::steady_clock::time_point(nanoseconds{next->ns}));
    system_timer_.async_wait([this](const boost::system::error_code& failure) {
      if (failure) return;  // it was set for an earlier time
      const Reactor::Turn turn(reactor_);
      set_for_.reset();
      timers_.advance(clock_.now());
      set_system_timer();
    });
  }

  const Clock& clock_;
  Reactor reactor_;
  SystemTimer system_timer_;
  std::optional<MonoTime> set_for_;
  TimerWheel timers_;
  const std::unique_ptr<Net> net_;
  const std::unique_ptr<Resolver> resolver_;
};

}  // namespace

std::unique_ptr<Loop> make_linux_loop(const Clock& clock, const ResolverOptions& resolver) {
  return std::make_unique<LinuxLoop>(clock, resolver);
}

}  // namespace posthorn::io

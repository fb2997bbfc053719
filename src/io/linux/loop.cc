// The event loop: reactor, net and resolver of one thread.
#include "io/linux/loop.h"

#include "io/linux/net.h"
#include "io/linux/reactor.h"
#include "io/linux/resolver.h"
#include "io/timer.h"

namespace posthorn::io {
namespace {

class LinuxLoop final : public Loop {
 public:
  LinuxLoop(const Clock& clock, const ResolverOptions& resolver)
      : clock_(clock),
        reactor_(clock),
        net_(make_linux_net(reactor_, reactor_.timers(), clock)),
        resolver_(make_linux_resolver(reactor_, reactor_.timers(), clock, resolver)) {}

  LinuxLoop(const LinuxLoop&) = delete;
  LinuxLoop& operator=(const LinuxLoop&) = delete;
  ~LinuxLoop() override { reactor_.drop_tasks(); }

  const Clock& clock() const override { return clock_; }
  MonoTime now() const override { return reactor_.now(); }
  Net& net() override { return *net_; }
  Resolver& resolver() override { return *resolver_; }
  TimerWheel& timers() override { return reactor_.timers(); }
  void post(Task task) override { reactor_.post(std::move(task)); }
  void post_at_turn_end(Task task) override { reactor_.post_at_turn_end(std::move(task)); }
  void post_remote(Task task) override { reactor_.post_remote(std::move(task)); }
  void run() override { reactor_.run(); }
  void stop() override { reactor_.stop(); }

 private:
  const Clock& clock_;
  Reactor reactor_;
  const std::unique_ptr<Net> net_;
  const std::unique_ptr<Resolver> resolver_;
};

}  // namespace

std::unique_ptr<Loop> make_linux_loop(const Clock& clock, const ResolverOptions& resolver) {
  return std::make_unique<LinuxLoop>(clock, resolver);
}

}  // namespace posthorn::io

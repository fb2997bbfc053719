// The forms of a host for tests.
#include "io/testing/forms.h"

#include <stdlib.h>

#include <filesystem>

#include "io/sim/world.h"

namespace posthorn::io {
namespace {

class LinuxForm final : public HostForm {
 public:
  explicit LinuxForm(const LinuxHostOptions& options)
      : host_(make_linux_host(options)), loop_(host_->make_loop()) {}
  LinuxForm(const LinuxForm&) = delete;
  LinuxForm& operator=(const LinuxForm&) = delete;
  ~LinuxForm() override {
    if (directory_.empty()) return;
    std::error_code ignored;
    std::filesystem::remove_all(directory_, ignored);
  }

  Host& host() override { return *host_; }
  Loop& loop() override { return *loop_; }

  bool run_until(std::function<bool()> done, milliseconds limit) override {
    const MonoTime end = host_->clock().now() + limit;
    bool reached = false;
    Timer look(loop_->timers(), [&] {
      reached = done();
      if (reached || host_->clock().now() > end) return loop_->stop();
      look.arm_at(host_->clock().now() + milliseconds{1});
    });
    look.arm_at(host_->clock().now());
    loop_->run();
    return reached;
  }

  std::string directory() override {
    if (directory_.empty()) {
      const char* base = ::getenv("TMPDIR");
      std::string pattern = std::string(base != nullptr ? base : "/tmp") + "/posthorn-io-XXXXXX";
      CHECK(::mkdtemp(pattern.data()) != nullptr, "no temporary folder {}", pattern);
      directory_ = pattern;
    }
    return directory_;
  }

 private:
  const std::unique_ptr<Host> host_;
  const std::unique_ptr<Loop> loop_;
  std::string directory_;
};

class SimForm final : public HostForm {
 public:
  SimForm() : loop_(world_.make_loop()) { CHECK(world_.disk().make_directory("/test").ok()); }
  Host& host() override { return world_; }
  Loop& loop() override { return *loop_; }
  bool run_until(std::function<bool()> done, milliseconds limit) override {
    return world_.run_until(done, limit);
  }
  std::string directory() override { return "/test"; }

 private:
  sim::World world_{20'260'101};
  const std::unique_ptr<Loop> loop_;
};

}  // namespace

std::unique_ptr<HostForm> make_linux_form(const LinuxHostOptions& options) {
  return std::make_unique<LinuxForm>(options);
}

std::unique_ptr<HostForm> make_sim_form() { return std::make_unique<SimForm>(); }

std::vector<NamedForm> all_forms() {
  return {{"Linux", [] { return make_linux_form(); }}, {"Sim", [] { return make_sim_form(); }}};
}

}  // namespace posthorn::io

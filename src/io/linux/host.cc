// The real machine, put together.
#include "io/linux/host.h"

#include "io/linux/clock.h"
#include "io/linux/disk.h"
#include "io/linux/entropy.h"
#include "io/linux/tls.h"
#include "io/linux/worker.h"

namespace posthorn::io {
namespace {

class LinuxHost final : public Host {
 public:
  explicit LinuxHost(const LinuxHostOptions& options)
      : options_(options), disk_(make_linux_disk()) {}

  const Clock& clock() const override { return clock_; }
  Entropy& entropy() override { return entropy_; }
  Disk& disk() override { return *disk_; }
  std::unique_ptr<Worker> make_worker(const std::string& name, size_t capacity) override {
    return make_linux_worker(name, capacity);
  }
  std::unique_ptr<Loop> make_loop() override { return make_linux_loop(clock_, options_.resolver); }
  Result<std::unique_ptr<Tls>> make_tls(Loop& loop, const TlsClientOptions& client,
                                        const TlsServerOptions& server) override {
    return make_linux_tls(loop, client, server);
  }

 private:
  const LinuxHostOptions options_;
  LinuxClock clock_;
  LinuxEntropy entropy_;
  const std::unique_ptr<Disk> disk_;
};

}  // namespace

std::unique_ptr<Host> make_linux_host(const LinuxHostOptions& options) {
  return std::make_unique<LinuxHost>(options);
}

}  // namespace posthorn::io

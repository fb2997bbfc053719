// bench_floor --port N --data-dir DIR --target-port N: the least a durable webhooks gateway can do,
// as the yardstick of the benchmark. One event loop thread and one sync thread: receive, group
// commit, answer 202, sign, deliver, record the attempt. No configuration, no retries, no index.
// Not a gateway: it does not recover its log and ends at the first failure.
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdio>
#include <string>

#include "clock.h"
#include "die.h"
#include "flags.h"
#include "floor_delivery.h"
#include "floor_events.h"
#include "floor_ingest.h"
#include "floor_log.h"
#include "tcp.h"

namespace posthorn::bench {
namespace {

enum class Kind : uint32_t { kListener, kClient, kTarget, kDurable, kStop };

struct FloorOptions {
  uint16_t port = 0;
  std::string data_dir;
  size_t segment_bytes = 0;
  uint32_t backlog_events = 0;
  FloorTarget target;
};

class Floor {
 public:
  explicit Floor(const FloorOptions& options)
      : epoll_(epoll_create1(EPOLL_CLOEXEC)),
        stop_(stop_descriptor()),
        events_(options.backlog_events),
        log_(options.data_dir + "/floor.segment", options.segment_bytes),
        ingest_(&events_, &log_),
        delivery_(options.target, &events_, &log_),
        listener_(listen_on_loopback(options.port)) {
    watch(listener_, Kind::kListener, 0);
    watch(stop_, Kind::kStop, 0);
    watch(log_.durable_fd(), Kind::kDurable, 0);
    for (uint32_t i = 0; i < delivery_.connections(); ++i) watch(delivery_.fd(i), Kind::kTarget, i);
  }

  void run() {
    std::array<epoll_event, 256> ready;
    while (!stopping_) {
      const int count = epoll_wait(epoll_, ready.data(), static_cast<int>(ready.size()), -1);
      if (count < 0 && errno != EINTR) die_errno("epoll_wait");
      const uint64_t now_s = wall_seconds();
      for (int i = 0; i < count; ++i) dispatch(ready[static_cast<size_t>(i)].data.u64, now_s);
      ingest_.resume(now_s);
      log_.submit();
    }
    std::printf("{\"groups\":%llu}\n", static_cast<unsigned long long>(log_.groups()));
  }

 private:
  // Blocks the signals before the log starts its thread, so that the descriptor gets them.
  static int stop_descriptor() {
    sigset_t stop;
    sigemptyset(&stop);
    sigaddset(&stop, SIGTERM);
    sigaddset(&stop, SIGINT);
    if (sigprocmask(SIG_BLOCK, &stop, nullptr) != 0) die_errno("sigprocmask");
    return signalfd(-1, &stop, SFD_CLOEXEC);
  }

  void watch(int fd, Kind kind, uint32_t value) const {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = static_cast<uint64_t>(kind) << 32U | value;
    if (epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event) != 0) die_errno("epoll_ctl");
  }

  void dispatch(uint64_t tag, uint64_t now_s) {
    const auto value = static_cast<uint32_t>(tag);
    switch (static_cast<Kind>(tag >> 32U)) {
      case Kind::kClient:
        return ingest_.receive(static_cast<int>(value), now_s);
      case Kind::kTarget:
        return delivery_.receive(value, now_s);
      case Kind::kDurable:
        return release_group(now_s);
      case Kind::kListener:
        return accept_all();
      case Kind::kStop:
        stopping_ = true;
    }
  }

  void accept_all() {
    for (int fd = accept_ready(listener_); fd >= 0; fd = accept_ready(listener_)) {
      ingest_.add(fd);
      watch(fd, Kind::kClient, static_cast<uint32_t>(fd));
    }
  }

  void release_group(uint64_t now_s) {
    const auto& durable = log_.take_durable();
    log_.submit();  // the disk works on the next group while this one is answered
    for (const uint32_t event : durable) {
      ingest_.answer(event);
      delivery_.enqueue(event);
    }
    delivery_.send_waiting(now_s);
  }

  int epoll_;
  int stop_;
  bool stopping_ = false;
  FloorEvents events_;
  FloorLog log_;
  FloorIngest ingest_;
  FloorDelivery delivery_;
  int listener_;
};

}  // namespace
}  // namespace posthorn::bench

int main(int argc, char** argv) {
  using namespace posthorn::bench;
  Flags flags(argc, argv);
  FloorOptions options;
  options.port = static_cast<uint16_t>(flags.number("--port", 0, 65535));
  options.data_dir = flags.text("--data-dir", "");
  options.segment_bytes = flags.number("--segment-mib", 64, 4096) << 20U;
  options.backlog_events = static_cast<uint32_t>(flags.number("--backlog", 8192, 65536));
  options.target.port = static_cast<uint16_t>(flags.number("--target-port", 0, 65535));
  options.target.path = flags.text("--target-path", "/hook/0");
  options.target.connections = flags.number("--target-connections", 64, 1024);
  flags.finish();
  if (options.port == 0 || options.target.port == 0 || options.data_dir.empty()) {
    die("--port, --data-dir and --target-port are required");
  }
  raise_open_files_limit();
  Floor floor(options);
  floor.run();
  return 0;
}

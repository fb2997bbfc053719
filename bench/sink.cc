// bench_sink --port N: the receiver of the benchmark. Answers every POST with 200 and records the
// event it carries. The last number of the path is the endpoint, 0 when there is none.
// The driver talks to the same port: POST /reset?run=HEX8&fan=N, GET /stats, GET
// /bitmap?endpoint=N. Ends on SIGTERM or SIGINT with its statistics on stdout.
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "clock.h"
#include "connection.h"
#include "delivery_record.h"
#include "die.h"
#include "flags.h"
#include "http_frame.h"
#include "stamp.h"
#include "tcp.h"

namespace posthorn::bench {
namespace {

constexpr size_t kRequestBytesMax = 16U << 10U;
constexpr std::string_view kOk =
    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 11\r\n\r\n{\"ok\":true}";
constexpr std::string_view kUnknown = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";

size_t trailing_number(std::string_view text) {
  size_t start = text.size();
  while (start > 0 && text[start - 1] >= '0' && text[start - 1] <= '9') --start;
  size_t value = 0;
  std::from_chars(text.data() + start, text.data() + text.size(), value);
  return value;
}

std::string_view parameter(std::string_view target, std::string_view name) {
  const size_t at = target.find(name);
  if (at == std::string_view::npos) return {};
  const std::string_view value = target.substr(at + name.size());
  return value.substr(0, value.find('&'));
}

std::string answer_with(std::string_view body) {
  std::string out =
      "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n";
  return out.append(body);
}

class Sink {
 public:
  explicit Sink(uint16_t port) : epoll_(epoll_create1(EPOLL_CLOEXEC)) {
    listener_ = listen_on_loopback(port);
    sigset_t stop;
    sigemptyset(&stop);
    sigaddset(&stop, SIGTERM);
    sigaddset(&stop, SIGINT);
    if (sigprocmask(SIG_BLOCK, &stop, nullptr) != 0) die_errno("sigprocmask");
    stop_ = signalfd(-1, &stop, SFD_CLOEXEC);
    watch(listener_, EPOLLIN);
    watch(stop_, EPOLLIN);
  }

  void run() {
    std::array<epoll_event, 256> events;
    while (true) {
      const int ready = epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), -1);
      if (ready < 0 && errno != EINTR) die_errno("epoll_wait");
      const uint64_t now_ns = monotonic_ns();
      for (int i = 0; i < ready; ++i) {
        const epoll_event& event = events[static_cast<size_t>(i)];
        if (event.data.fd == stop_) return;
        if (event.data.fd == listener_) {
          accept_all();
        } else {
          serve(event.data.fd, event.events, now_ns);
        }
      }
    }
  }

  std::string json() const { return record_.json(); }

 private:
  void watch(int fd, uint32_t interest) const {
    epoll_event event{};
    event.events = interest;
    event.data.fd = fd;
    if (epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event) != 0) die_errno("epoll_ctl");
  }

  void accept_all() {
    for (int fd = accept_ready(listener_); fd >= 0; fd = accept_ready(listener_)) {
      connections_.resize(std::max(connections_.size(), static_cast<size_t>(fd) + 1));
      connections_[static_cast<size_t>(fd)] = std::make_unique<Connection>(fd, kRequestBytesMax);
      // Edge-triggered for writing too: only a control answer can be larger than the socket takes.
      watch(fd, EPOLLIN | EPOLLOUT | EPOLLET | EPOLLRDHUP);
    }
  }

  void serve(int fd, uint32_t ready, uint64_t now_ns) {
    auto& slot = connections_[static_cast<size_t>(fd)];
    if (slot == nullptr) return;
    auto result = Connection::Result::kOk;
    if (slot->wants_write() && (ready & EPOLLOUT) != 0) result = slot->flush();
    if ((ready & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0 &&
        result == Connection::Result::kOk) {
      result = read_and_answer(*slot, now_ns);
    }
    if (result == Connection::Result::kClosed) slot.reset();
  }

  Connection::Result read_and_answer(Connection& connection, uint64_t now_ns) {
    // Edge-triggered: a buffer filled to the brim may have left bytes in the socket. Requests are
    // far smaller than the buffer and not pipelined, so one receive empties it.
    if (connection.receive() == Connection::Result::kClosed) return Connection::Result::kClosed;
    HttpFrame frame;
    FrameState state = frame_message(connection.received(), &frame);
    for (; state == FrameState::kComplete; state = frame_message(connection.received(), &frame)) {
      const auto sent = answer(connection, frame, now_ns);
      if (sent == Connection::Result::kClosed) return sent;
      connection.consume(frame.bytes());
      if (connection.received().empty()) break;
    }
    return state == FrameState::kBroken ? Connection::Result::kClosed : Connection::Result::kOk;
  }

  Connection::Result answer(Connection& connection, const HttpFrame& frame, uint64_t now_ns) {
    const std::string_view target = target_of(frame.head);
    if (!frame.body.empty()) {
      record_.record(frame.body, trailing_number(target), now_ns);
      return connection.send(kOk);
    }
    if (target == "/stats") return connection.send(answer_with(record_.json()));
    if (target.starts_with("/bitmap")) {
      return connection.send(answer_with(record_.delivered(trailing_number(target))));
    }
    if (target.starts_with("/reset")) return connection.send(reset(target) ? kOk : kUnknown);
    return connection.send(kUnknown);
  }

  bool reset(std::string_view target) {
    uint32_t run = 0;
    const size_t fan = trailing_number(parameter(target, "fan="));
    if (!parse_run(parameter(target, "run="), &run)) return false;
    if (fan < 1 || fan > DeliveryRecord::kFanMax) return false;
    record_.reset(run, fan);
    return true;
  }

  int epoll_;
  int listener_ = -1;
  int stop_ = -1;
  std::vector<std::unique_ptr<Connection>> connections_;  // by descriptor
  DeliveryRecord record_;
};

}  // namespace
}  // namespace posthorn::bench

int main(int argc, char** argv) {
  using namespace posthorn::bench;
  Flags flags(argc, argv);
  const auto port = static_cast<uint16_t>(flags.number("--port", 0, 65535));
  flags.finish();
  if (port == 0) die("--port is required");
  raise_open_files_limit();
  Sink sink(port);
  sink.run();
  std::printf("%s\n", sink.json().c_str());
  return 0;
}

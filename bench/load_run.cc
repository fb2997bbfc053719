// The event loop of the load generator.
#include "load_run.h"

#include <sys/epoll.h>

#include <algorithm>
#include <array>
#include <cstdio>

#include "clock.h"
#include "die.h"
#include "http_frame.h"
#include "tcp.h"

namespace posthorn::bench {
namespace {

constexpr uint64_t kNsPerMs = 1'000'000;
constexpr uint64_t kGraceNs = 10'000 * kNsPerMs;
constexpr uint64_t kWaitNsMax = 50 * kNsPerMs;
constexpr unsigned kFailuresMax = 100;
constexpr size_t kAnswerBytesMax = 8U << 10U;
constexpr size_t kAnswerBytesPerEvent = 512;

}  // namespace

LoadRun::LoadRun(const LoadOptions& options)
    : options_(options), heads_(make_heads(options)), epoll_(epoll_create1(EPOLL_CLOEXEC)) {
  for (size_t i = 0; i < options_.connections; ++i) {
    lanes_.push_back(Lane{nullptr, LoadBody(options_), {}, false, 0});
    connect(i);
    idle_.push_back(i);
  }
}

void LoadRun::connect(size_t index) {
  const int fd = connect_to_loopback(options_.port);
  if (fd < 0) die("the server does not accept connections");
  const size_t answer_bytes = kAnswerBytesMax + kAnswerBytesPerEvent * options_.batch_events;
  lanes_[index].connection = std::make_unique<Connection>(fd, answer_bytes);
  epoll_event event{};
  event.events = EPOLLIN | EPOLLOUT | EPOLLET;
  event.data.u64 = index;
  if (epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event) != 0) die_errno("epoll_ctl");
}

void LoadRun::run() {
  const uint64_t start_ns = monotonic_ns();
  end_ns_ = start_ns + static_cast<uint64_t>(options_.duration_s * 1e9);
  if (options_.rate_per_s > 0) schedule_.emplace(options_, start_ns);
  std::array<epoll_event, 256> ready;
  while (true) {
    uint64_t now_ns = monotonic_ns();
    send_due(now_ns);
    if (!more_to_send(now_ns) && lanes_waiting_ == 0) return;
    if (now_ns > end_ns_ + kGraceNs) return give_up(now_ns);
    const uint64_t before_wait_ns = now_ns;
    uint64_t wake_ns = before_wait_ns + kWaitNsMax;
    if (!backing_off_.empty()) wake_ns = std::min(wake_ns, lanes_[backing_off_.front()].resume_ns);
    if (schedule_ && !idle_.empty() && more_to_send(now_ns)) {
      wake_ns = std::min(wake_ns, schedule_->intended_ns(requests_started_));
    }
    const uint64_t wait_ns = wake_ns > before_wait_ns ? wake_ns - before_wait_ns : 0;
    const timespec timeout{0, static_cast<long>(wait_ns)};
    const int count =
        epoll_pwait2(epoll_, ready.data(), static_cast<int>(ready.size()), &timeout, nullptr);
    if (count < 0 && errno != EINTR) die_errno("epoll_pwait2");
    now_ns = monotonic_ns();
    for (int i = 0; i < count; ++i) {
      const epoll_event& event = ready[static_cast<size_t>(i)];
      on_ready(event.data.u64, event.events, now_ns);
    }
  }
}

bool LoadRun::more_to_send(uint64_t now_ns) const {
  if (schedule_) return requests_started_ < schedule_->requests();
  if (now_ns >= end_ns_) return false;
  return options_.count_events == 0 ||
         results_.acked().count() + events_in_flight_ < options_.count_events;
}

bool LoadRun::is_due(uint64_t now_ns) const {
  if (!more_to_send(now_ns)) return false;
  return !schedule_ || schedule_->intended_ns(requests_started_) <= now_ns;
}

void LoadRun::send_due(uint64_t now_ns) {
  while (!backing_off_.empty() && lanes_[backing_off_.front()].resume_ns <= now_ns) {
    idle_.push_back(backing_off_.front());
    backing_off_.pop_front();
  }
  while (!idle_.empty() && is_due(now_ns)) {
    const size_t index = idle_.front();
    idle_.pop_front();
    send(index, now_ns);
  }
}

void LoadRun::send(size_t index, uint64_t now_ns) {
  Lane& lane = lanes_[index];
  const uint64_t events = options_.batch_events;
  const uint64_t intended_ns = schedule_ ? schedule_->intended_ns(requests_started_) : now_ns;
  lane.request = LoadRequest{requests_started_ * events, events, intended_ns};
  lane.body.stamp(lane.request.first_n, intended_ns);
  std::string& head = heads_[requests_started_ % heads_.size()];
  std::array<iovec, 2> parts{iovec{head.data(), head.size()},
                             iovec{lane.body.bytes().data(), lane.body.bytes().size()}};
  ++requests_started_;
  ++lanes_waiting_;
  events_in_flight_ += events;
  lane.waiting = true;
  results_.sent(lane.request, now_ns);
  if (lane.connection->send(parts) == Connection::Result::kClosed) lose_connection(index, now_ns);
}

void LoadRun::on_ready(size_t index, uint32_t ready, uint64_t now_ns) {
  Connection& connection = *lanes_[index].connection;
  auto result = Connection::Result::kOk;
  if (connection.wants_write() && (ready & EPOLLOUT) != 0) result = connection.flush();
  if (result == Connection::Result::kOk && (ready & ~static_cast<uint32_t>(EPOLLOUT)) != 0) {
    result = connection.receive();
    if (result == Connection::Result::kOk) return take_answer(index, now_ns);
  }
  if (result == Connection::Result::kClosed) lose_connection(index, now_ns);
}

void LoadRun::take_answer(size_t index, uint64_t now_ns) {
  Lane& lane = lanes_[index];
  HttpFrame frame;
  const FrameState state = frame_message(lane.connection->received(), &frame);
  if (state == FrameState::kIncomplete) return;
  if (state == FrameState::kBroken || !lane.waiting) die("the server sent something odd");
  const int status = status_of(frame.head);
  results_.answered(lane.request, status, frame.body, now_ns);
  check_status(status, frame.body);
  lane.connection->consume(frame.bytes());
  lane.waiting = false;
  --lanes_waiting_;
  events_in_flight_ -= lane.request.events;
  if (status == 429 || status == 503) {
    lane.resume_ns = now_ns + options_.backoff_ms * kNsPerMs;
    backing_off_.push_back(index);
  } else {
    idle_.push_back(index);
  }
}

void LoadRun::check_status(int status, std::string_view body) {
  const bool expected = (status >= 200 && status <= 299) || status == 429 || status == 503;
  failures_in_a_row_ = expected ? 0 : failures_in_a_row_ + 1;
  if (failures_in_a_row_ == 1) {
    std::fprintf(stderr, "bench: status %d: %.*s\n", status,
                 static_cast<int>(std::min<size_t>(body.size(), 500)), body.data());
  }
  if (failures_in_a_row_ > kFailuresMax) die("the server refuses everything");
}

void LoadRun::lose_connection(size_t index, uint64_t now_ns) {
  Lane& lane = lanes_[index];
  const bool was_idle = !lane.waiting;
  if (lane.waiting) {
    results_.unanswered(lane.request, now_ns);
    lane.waiting = false;
    --lanes_waiting_;
    events_in_flight_ -= lane.request.events;
  }
  results_.reconnected();
  connect(index);
  if (!was_idle) idle_.push_back(index);
}

// What has no answer by now has one of at least this latency: leaving it out would flatter.
void LoadRun::give_up(uint64_t now_ns) {
  for (const Lane& lane : lanes_) {
    if (lane.waiting) results_.unanswered(lane.request, now_ns);
  }
  if (!schedule_) return;
  for (uint64_t k = requests_started_; k < schedule_->requests(); ++k) {
    const uint64_t events = options_.batch_events;
    results_.unsent({k * events, events, schedule_->intended_ns(k)}, now_ns);
  }
}

}  // namespace posthorn::bench

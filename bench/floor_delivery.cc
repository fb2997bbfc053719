// Signs and sends the floor's events: one sendmsg and one recv per delivery.
#include "floor_delivery.h"

#include <array>
#include <cstring>

#include "die.h"
#include "http_frame.h"
#include "tcp.h"

namespace posthorn::bench {
namespace {

constexpr size_t kAnswerBytesMax = 4096;
constexpr size_t kAttemptRecordBytes = 128;

}  // namespace

FloorDelivery::FloorDelivery(const FloorTarget& target, FloorEvents* events, FloorLog* log)
    : events_(*events),
      log_(*log),
      signer_("0123456789abcdef01234567"),
      in_flight_(target.connections, 0) {
  for (size_t i = 0; i < target.connections; ++i) {
    const int fd = connect_to_loopback(target.port);
    if (fd < 0) die("the target does not accept connections");
    connections_.push_back(std::make_unique<Connection>(fd, kAnswerBytesMax));
    idle_.push_back(i);
  }
  head_start_ = "POST " + target.path +
                " HTTP/1.1\r\nHost: 127.0.0.1:" + std::to_string(target.port) +
                "\r\nUser-Agent: Posthorn-Floor/1\r\nContent-Type: application/json\r\n";
}

void FloorDelivery::send_waiting(uint64_t now_s) {
  while (!idle_.empty() && !waiting_.empty()) {
    const size_t index = idle_.back();
    idle_.pop_back();
    const uint32_t event = waiting_.front();
    waiting_.pop_front();
    send(index, event, now_s);
  }
}

void FloorDelivery::send(size_t index, uint32_t event, uint64_t now_s) {
  FloorEvent& it = events_.at(event);
  if (now_s != timestamp_s_) {
    timestamp_s_ = now_s;
    timestamp_ = std::to_string(now_s);
  }
  head_.assign(head_start_).append("webhook-id: ").append(it.id);
  head_.append("\r\nwebhook-timestamp: ").append(timestamp_).append("\r\nwebhook-signature: ");
  signer_.append_signature(it.id, timestamp_, it.payload, &head_);
  head_.append("\r\nContent-Length: ").append(std::to_string(it.payload.size()));
  head_.append("\r\n\r\n");
  std::array<iovec, 2> parts{iovec{head_.data(), head_.size()},
                             iovec{it.payload.data(), it.payload.size()}};
  in_flight_[index] = event;
  Connection& connection = *connections_[index];
  if (connection.send(parts) == Connection::Result::kClosed) die("the target hung up");
  if (connection.wants_write()) die("the target does not read");
}

void FloorDelivery::receive(size_t index, uint64_t now_s) {
  Connection& connection = *connections_[index];
  if (connection.receive() == Connection::Result::kClosed) die("the target hung up");
  HttpFrame frame;
  const FrameState state = frame_message(connection.received(), &frame);
  if (state == FrameState::kIncomplete) return;
  const int status = state == FrameState::kComplete ? status_of(frame.head) : 0;
  if (status < 200 || status > 299) die("the target did not answer 2xx");
  connection.consume(frame.bytes());
  record_attempt(in_flight_[index], status, now_s);
  events_.release(in_flight_[index]);
  idle_.push_back(index);
  send_waiting(now_s);
}

void FloorDelivery::record_attempt(uint32_t event, int status, uint64_t now_s) {
  const FloorEvent& it = events_.at(event);
  std::array<char, kAttemptRecordBytes> record{};
  const auto status_code = static_cast<uint16_t>(status);
  record[0] = 'A';
  std::memcpy(&record[2], &status_code, sizeof status_code);
  std::memcpy(&record[8], &now_s, sizeof now_s);
  it.id.copy(&record[16], 64);
  log_.append_attempt({record.data(), record.size()});
}

}  // namespace posthorn::bench

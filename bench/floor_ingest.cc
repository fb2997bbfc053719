// Accepts the generator's requests for the floor program.
#include "floor_ingest.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "http_frame.h"

namespace posthorn::bench {
namespace {

constexpr size_t kRequestBytesMax = 16U << 10U;
constexpr size_t kMessageHeaderBytes = 128;
constexpr std::string_view kPayloadKey = "\"payload\":";
constexpr std::string_view kNoContent = "HTTP/1.1 204 No Content\r\n\r\n";
constexpr std::string_view kNotFound = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";
constexpr std::string_view kBadRequest = "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n";

// {"eventType":"…","payload":{…}} -> {…}. The generator puts the payload last.
std::string_view payload_of(std::string_view body) {
  const size_t at = body.substr(0, 256).find(kPayloadKey);
  if (at == std::string_view::npos || body.back() != '}') return {};
  const size_t start = at + kPayloadKey.size();
  return body.substr(start, body.size() - 1 - start);
}

}  // namespace

void FloorIngest::add(int fd) {
  clients_.resize(std::max(clients_.size(), static_cast<size_t>(fd) + 1));
  Client& client = clients_[static_cast<size_t>(fd)];
  client.connection = std::make_unique<Connection>(fd, kRequestBytesMax);
  ++client.turn;
}

FloorIngest::Client* FloorIngest::find(int fd) {
  Client& client = clients_[static_cast<size_t>(fd)];
  return client.connection != nullptr ? &client : nullptr;
}

void FloorIngest::drop(Client& client) { client.connection.reset(); }

void FloorIngest::receive(int fd, uint64_t now_s) {
  Client* client = find(fd);
  if (client == nullptr) return;
  if (client->connection->receive() == Connection::Result::kClosed) return drop(*client);
  accept_request(fd, *client, now_s);
}

void FloorIngest::accept_request(int fd, Client& client, uint64_t now_s) {
  Connection& connection = *client.connection;
  HttpFrame frame;
  const FrameState state = frame_message(connection.received(), &frame);
  if (state == FrameState::kIncomplete) return;
  if (state == FrameState::kBroken) return drop(client);
  const std::string_view target = target_of(frame.head);
  if (!target.starts_with("/api/v1/app/") || !target.ends_with("/msg")) {
    connection.send(target == "/api/v1/health/ping" ? kNoContent : kNotFound);
    return connection.consume(frame.bytes());
  }
  const std::string_view payload = payload_of(frame.body);
  if (payload.empty()) {
    connection.send(kBadRequest);
    return connection.consume(frame.bytes());
  }
  if (events_.full()) return stalled_.push_back(fd);

  const uint32_t slot = events_.take();
  FloorEvent& event = events_.at(slot);
  event.payload.assign(payload);
  event.client = fd;
  event.client_turn = client.turn;
  std::array<char, kMessageHeaderBytes> header{};
  const uint64_t payload_bytes = payload.size();
  header[0] = 'M';
  std::memcpy(&header[8], &now_s, sizeof now_s);
  std::memcpy(&header[16], &payload_bytes, sizeof payload_bytes);
  event.id.copy(&header[24], 40);
  target.substr(12).copy(&header[64], 60);
  log_.append_message({header.data(), header.size()}, payload, slot);
  connection.consume(frame.bytes());
}

void FloorIngest::answer(uint32_t slot) {
  const FloorEvent& event = events_.at(slot);
  Client* client = find(event.client);
  if (client == nullptr || client->turn != event.client_turn) return;
  answer_.assign(
      "HTTP/1.1 202 Accepted\r\nContent-Type: application/json\r\n"
      "Content-Length: 40\r\n\r\n{\"id\":\"");
  answer_.append(event.id).append("\"}");
  const auto sent = client->connection->send(answer_);
  if (sent == Connection::Result::kClosed || client->connection->wants_write()) drop(*client);
}

void FloorIngest::resume(uint64_t now_s) {
  while (!stalled_.empty() && !events_.full()) {
    const int fd = stalled_.front();
    stalled_.pop_front();
    if (Client* client = find(fd); client != nullptr) accept_request(fd, *client, now_s);
  }
}

}  // namespace posthorn::bench

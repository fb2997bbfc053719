// Accepting, draining, and the once-per-turn flush of the server.
#include "http/server.h"

#include "http/server_connection.h"
#include "wire/time_text.h"

namespace posthorn::http {

Responder& Responder::operator=(Responder&& other) noexcept {
  if (this == &other) return *this;
  if (open_) {
    Response dropped;
    dropped.status = 500;
    send(std::move(dropped));
  }
  target_ = std::move(other.target_);
  ticket_ = other.ticket_;
  open_ = std::exchange(other.open_, false);
  return *this;
}

Responder::~Responder() {
  if (!open_) return;
  Response response;
  response.status = 500;
  response.body = R"({"code":"internal_error","detail":"the request was dropped"})";
  send(std::move(response));
}

void Responder::send(Response response) {
  if (!std::exchange(open_, false)) return;
  if (const auto target = target_.lock()) target->respond(ticket_, std::move(response));
}

Server::Server(io::Loop& loop, const ServerLimits& limits, Handlers handlers)
    : loop_(loop), limits_(limits), handlers_(std::move(handlers)) {}

Server::~Server() {
  listener_.reset();
  empty_ = nullptr;
  auto open = std::exchange(connections_, {});
  for (const auto& [raw, connection] : open) connection->abandon();
  loop_.post([open = std::move(open)] {});  // one of them may be on the stack
}

Status Server::listen(const SocketAddress& at, const io::ListenOptions& options) {
  auto listener = loop_.net().listen(
      at, options, [this](std::unique_ptr<io::Stream> stream) { adopt(std::move(stream)); });
  if (!listener.ok()) return std::move(listener).error();
  listener_ = *std::move(listener);
  return {};
}

SocketAddress Server::address() const {
  return listener_ == nullptr ? SocketAddress{} : listener_->address();
}

void Server::adopt(std::unique_ptr<io::Stream> stream) {
  if (draining_ || connections_.size() >= limits_.connections_max) return;
  size_t& from_address = per_address_[stream->peer().ip.text()];
  if (from_address >= limits_.connections_per_address_max) return;
  ++from_address;
  auto connection = std::make_shared<ServerConnection>(*this, std::move(stream));
  connections_[connection.get()] = connection;
  connection->start();
}

void Server::closed(ServerConnection* connection) {
  const auto of_address = per_address_.find(connection->peer().ip.text());
  if (of_address != per_address_.end() && --of_address->second == 0) per_address_.erase(of_address);
  const auto at = connections_.find(connection);
  loop_.post([closed = std::move(at->second)] {});  // it may be on the stack
  connections_.erase(at);
  if (draining_ && connections_.empty() && empty_) std::exchange(empty_, nullptr)();
}

void Server::flush_later(const std::shared_ptr<ServerConnection>& connection) {
  to_flush_.push_back(connection);
  if (to_flush_.size() == 1)
    loop_.post_at_turn_end([this, alive = std::weak_ptr<bool>(alive_)] {
      if (!alive.expired()) flush();
    });
}

void Server::flush() {
  flushing_.swap(to_flush_);
  for (const auto& connection : flushing_) connection->flush();
  flushing_.clear();
}

std::string_view Server::date() {
  constexpr int64_t kSecondUs = 1'000'000;
  const MonoTime now = loop_.now();
  if (now < date_until_) return date_;
  const WallTime wall = loop_.clock().wall();
  date_until_ = now + microseconds{kSecondUs - wall.us % kSecondUs};
  date_.clear();
  wire::append_http_date(date_, wall);
  return date_;
}

void Server::drain(Task empty) {
  draining_ = true;
  listener_.reset();
  if (connections_.empty()) {
    empty();
    return;
  }
  empty_ = std::move(empty);
  std::vector<std::shared_ptr<ServerConnection>> open;
  open.reserve(connections_.size());
  for (const auto& [raw, connection] : connections_) open.push_back(connection);
  for (const auto& connection : open) connection->finish();
}

}  // namespace posthorn::http

// A simulated connection. Bytes that a side writes travel as packets of random sizes and delays,
// in order; a window bounds what is on the way and unread, so that writers see slow readers.
#include "io/sim/connection.h"

#include <algorithm>

#include "base/check.h"
#include "io/sim/loop.h"
#include "io/sim/network.h"

namespace posthorn::io::sim {
namespace {

// How long TCP waits before it sends again into a black hole.
constexpr milliseconds kRetransmit{200};
// One write in so many is taken in part only, though there is room: the system may do that.
constexpr uint64_t kPartialWriteOdds = 16;

Error disconnected(const SocketAddress& peer) {
  return error(Errc::kDisconnected, "connection with " + peer.text() + " was reset");
}

class SimStream final : public Stream {
 public:
  SimStream(std::shared_ptr<Connection> connection, size_t side)
      : connection_(std::move(connection)), side_(side) {}
  SimStream(const SimStream&) = delete;
  SimStream& operator=(const SimStream&) = delete;
  ~SimStream() override { connection_->close(side_); }

  void read(std::span<char> into, OnRead on_read) override {
    connection_->read(side_, into, std::move(on_read));
  }
  Result<Wrote> write(std::span<const ByteView> parts, OnWritten on_written) override {
    return connection_->write(side_, parts, std::move(on_written));
  }
  void shutdown_write() override { connection_->shutdown_write(side_); }
  SocketAddress peer() const override { return connection_->peer(side_); }

 private:
  const std::shared_ptr<Connection> connection_;
  const size_t side_;
};

}  // namespace

Connection::Connection(Network& network, const SocketAddress& from, const SocketAddress& to)
    : network_(network), schedule_(network.schedule()), addresses_{from, to} {}

std::unique_ptr<Stream> Connection::open(size_t side, SimLoop& loop) {
  sides_[side].loop = &loop;
  return std::make_unique<SimStream>(shared_from_this(), side);
}

void Connection::later(size_t side, MonoTime when, void (Connection::*what)(size_t)) {
  schedule_.at(when, [self = shared_from_this(), side, what] { ((*self).*what)(side); });
}

void Connection::read(size_t side, std::span<char> into, Stream::OnRead on_read) {
  Side& self = sides_[side];
  CHECK(!self.on_read && !into.empty(), "one read at a time, into something");
  self.into = into;
  self.on_read = std::move(on_read);
  later(side, schedule_.now(), &Connection::finish_read);
}

void Connection::finish_read(size_t side) {
  Side& self = sides_[side];
  if (!self.on_read || self.closed) return;
  Result<size_t> result = size_t{0};
  if (!self.inbox.empty()) {
    const size_t count = std::min(self.into.size(), self.inbox.size());
    self.inbox.copy(self.into.data(), count);
    self.inbox.erase(0, count);
    result = count;
    // The peer hears of the room a packet later.
    const Link& link = network_.link(to());
    later(1 - side, schedule_.now() + schedule_.draw(link.delay_min, link.delay_max),
          &Connection::finish_write);
  } else if (self.broken) {
    result = disconnected(peer(side));
  } else if (!self.peer_ended) {
    return;
  }
  Stream::OnRead on_read = std::move(self.on_read);
  self.on_read = nullptr;
  self.loop->enter([&] { on_read(std::move(result)); });
}

size_t Connection::room(size_t side) const {
  const size_t window = network_.link(to()).window_bytes;
  const size_t used = sides_[side].bytes_on_the_way + sides_[1 - side].inbox.size();
  return window - std::min(window, used);
}

Result<Wrote> Connection::write(size_t side, std::span<const ByteView> parts,
                                Stream::OnWritten on_written) {
  Side& self = sides_[side];
  CHECK(self.queued.empty(), "one queued write at a time");
  if (self.broken || self.ended || self.end_wanted) return disconnected(peer(side));
  std::string bytes;
  for (const ByteView part : parts) bytes.append(part);
  size_t taken = std::min(bytes.size(), room(side));
  if (schedule_.rng().below(kPartialWriteOdds) == 0 && taken > 0) {
    taken = schedule_.rng().below(taken + 1);
  }
  send_bytes(side, ByteView(bytes).substr(0, taken));
  if (taken == bytes.size()) return Wrote::kAll;
  self.queued = bytes.substr(taken);
  self.queued_at = 0;
  self.on_written = std::move(on_written);
  later(side, schedule_.now() + schedule_.draw(microseconds{1}, milliseconds{1}),
        &Connection::finish_write);
  return Wrote::kQueued;
}

// Sends of the queue what there is room for; calls back when it is empty.
void Connection::finish_write(size_t side) {
  Side& self = sides_[side];
  if (self.closed || self.queued.empty()) return;
  Status status;
  if (self.broken) {
    status = disconnected(peer(side));
    self.queued.clear();
  } else {
    const ByteView rest = ByteView(self.queued).substr(self.queued_at);
    const size_t taken = std::min(rest.size(), room(side));
    send_bytes(side, rest.substr(0, taken));
    self.queued_at += taken;
    if (taken < rest.size()) return;
    self.queued.clear();
    if (self.end_wanted) shutdown_write(side);
  }
  Stream::OnWritten on_written = std::move(self.on_written);
  self.on_written = nullptr;
  if (on_written) self.loop->enter([&] { on_written(std::move(status)); });
}

void Connection::shutdown_write(size_t side) {
  Side& self = sides_[side];
  self.end_wanted = true;
  if (!self.queued.empty() || std::exchange(self.ended, true)) return;
  send(side, Packet::Kind::kEnd, {});
}

void Connection::close(size_t side) {
  Side& self = sides_[side];
  if (std::exchange(self.closed, true)) return;
  self.queued.clear();
  // A close with unread bytes is a reset, as TCP does it.
  if (!self.inbox.empty()) {
    send(side, Packet::Kind::kReset, {});
  } else if (!std::exchange(self.ended, true)) {
    send(side, Packet::Kind::kEnd, {});
  }
  const Stream::OnRead on_read = std::move(self.on_read);
  const Stream::OnWritten on_written = std::move(self.on_written);
  self.on_read = nullptr;
  self.on_written = nullptr;
}

void Connection::reset() {
  schedule_.note("reset");
  for (size_t side : {0, 1}) break_side(side);
}

void Connection::break_side(size_t side) {
  Side& self = sides_[side];
  self.broken = true;
  self.on_the_way.clear();
  self.bytes_on_the_way = 0;
  later(side, schedule_.now(), &Connection::finish_read);
  later(side, schedule_.now(), &Connection::finish_write);
}

void Connection::send_bytes(size_t side, ByteView bytes) {
  while (!bytes.empty()) {
    const size_t most = std::min(bytes.size(), network_.link(to()).packet_bytes_max);
    // Half of the packets are as large as they can be, the others of any size.
    Rng& rng = schedule_.rng();
    const size_t size = rng.below(2) == 0 ? most : 1 + rng.below(most);
    sides_[side].bytes_on_the_way += size;
    send(side, Packet::Kind::kBytes, std::string(bytes.substr(0, size)));
    bytes.remove_prefix(size);
  }
}

void Connection::send(size_t side, Packet::Kind kind, std::string bytes) {
  Side& self = sides_[side];
  const Link& link = network_.link(to());
  const MonoTime arrival = schedule_.now() + schedule_.draw(link.delay_min, link.delay_max);
  self.on_the_way.push_back({kind, arrival, std::move(bytes)});
  if (self.on_the_way.size() == 1) later(side, arrival, &Connection::pump);
}

// Lets the first packet of what `side` sent arrive.
void Connection::pump(size_t side) {
  Side& self = sides_[side];
  if (self.on_the_way.empty() || self.on_the_way.front().arrival > schedule_.now()) return;
  const Link& link = network_.link(to());
  if (link.reach == Link::Reach::kBlackhole) {
    self.on_the_way.front().arrival = schedule_.now() + kRetransmit;
    return later(side, self.on_the_way.front().arrival, &Connection::pump);
  }
  if (schedule_.rng().below(1000) < link.reset_per_mille) return reset();
  const Packet packet = std::move(self.on_the_way.front());
  self.on_the_way.pop_front();
  if (!self.on_the_way.empty()) {
    Packet& next = self.on_the_way.front();
    next.arrival = std::max(next.arrival, schedule_.now());
    later(side, next.arrival, &Connection::pump);
  }
  self.bytes_on_the_way -= packet.bytes.size();
  schedule_.note("packet", packet.bytes.size());
  arrive(1 - side, packet);
}

void Connection::arrive(size_t side, const Packet& packet) {
  Side& self = sides_[side];
  switch (packet.kind) {
    case Packet::Kind::kBytes:
      if (self.closed) return send(side, Packet::Kind::kReset, {});
      self.inbox.append(packet.bytes);
      break;
    case Packet::Kind::kEnd:
      self.peer_ended = true;
      break;
    case Packet::Kind::kReset:
      return break_side(side);
  }
  finish_read(side);
}

}  // namespace posthorn::io::sim

// One simulated TCP connection: two sides, and for each direction the packets on their way.
#pragma once
#include <array>
#include <deque>
#include <memory>
#include <string>

#include "io/net.h"
#include "io/sim/schedule.h"

namespace posthorn::io::sim {

class Network;
class SimLoop;

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  // `to` is the address that was connected to; its link rules both directions.
  Connection(Network& network, const SocketAddress& from, const SocketAddress& to);

  // The stream of side 0 (who connected) or 1 (who listened) on its loop. Once per side.
  std::unique_ptr<Stream> open(size_t side, SimLoop& loop);
  // As if a machine between the two had sent a reset to both.
  void reset();
  // A side that will never be opened, or whose stream was destroyed.
  void close(size_t side);
  bool open() const { return !sides_[0].closed || !sides_[1].closed; }
  const SocketAddress& to() const { return addresses_[1]; }

  void read(size_t side, std::span<char> into, Stream::OnRead on_read);
  Result<Wrote> write(size_t side, std::span<const ByteView> parts, Stream::OnWritten on_written);
  void shutdown_write(size_t side);
  SocketAddress peer(size_t side) const { return addresses_[1 - side]; }

 private:
  struct Packet {
    enum class Kind : uint8_t { kBytes, kEnd, kReset };
    Kind kind;
    MonoTime arrival;
    std::string bytes;
  };
  struct Side {
    SimLoop* loop = nullptr;
    bool closed = false;
    bool ended = false;       // our end was sent
    bool end_wanted = false;  // it goes after what is queued
    bool broken = false;      // reset
    // Receiving.
    std::string inbox;
    bool peer_ended = false;
    std::span<char> into;
    Stream::OnRead on_read;
    // Sending.
    std::string queued;  // from queued_at
    size_t queued_at = 0;
    Stream::OnWritten on_written;
    std::deque<Packet> on_the_way;
    size_t bytes_on_the_way = 0;
  };

  void finish_read(size_t side);
  void finish_write(size_t side);
  size_t room(size_t side) const;
  void send_bytes(size_t side, ByteView bytes);
  void send(size_t side, Packet::Kind kind, std::string bytes);
  void pump(size_t side);
  void arrive(size_t side, const Packet& packet);
  void break_side(size_t side);
  void later(size_t side, MonoTime when, void (Connection::*what)(size_t));

  Network& network_;
  Schedule& schedule_;
  const std::array<SocketAddress, 2> addresses_;
  std::array<Side, 2> sides_;
};

}  // namespace posthorn::io::sim

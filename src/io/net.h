// TCP as a parameter. Everything here belongs to one loop and is used on its thread only.
#pragma once
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "base/bytes.h"
#include "base/function.h"
#include "base/ip.h"
#include "base/result.h"

namespace posthorn::io {

enum class Wrote : uint8_t {
  kAll,     // every byte was handed to the system; the callback will not be called
  kQueued,  // the rest was copied; the callback comes when it has gone out or failed
};

// One connection. Destroying it closes it; no callback runs after that, so an owner may be
// destroyed inside any callback.
class Stream {
 public:
  using OnRead = UniqueFunction<void(Result<size_t>)>;  // 0 bytes: the peer ended its side
  using OnWritten = UniqueFunction<void(Status)>;
  virtual ~Stream() = default;

  // Reads at least one byte. One read at a time. `into` must stay valid until the callback or the
  // destruction. The callback never runs inside this call.
  virtual void read(std::span<char> into, OnRead on_read) = 0;

  // Writes all parts in order. The parts may go away when the call returns. One queued write at a
  // time: after kQueued the next write must wait for the callback (which never runs inside the
  // call).
  virtual Result<Wrote> write(std::span<const ByteView> parts, OnWritten on_written) = 0;

  // Ends our side after what was written; reading goes on.
  virtual void shutdown_write() = 0;

  // The address that was really connected (getpeername); the last known one after a close.
  virtual SocketAddress peer() const = 0;
};

// Accepts connections until destroyed.
class Listener {
 public:
  virtual ~Listener() = default;
  virtual SocketAddress address() const = 0;
  // While paused, connections wait in the system's backlog.
  virtual void pause() = 0;
  virtual void resume() = 0;
};

// A connect under way; destroying it cancels it and its callback.
class Connecting {
 public:
  virtual ~Connecting() = default;
};

struct ListenOptions {
  int backlog = 1024;
  bool reuse_port = false;  // several loops listen on one port, the system spreads connections
  bool first = true;        // fails when anyone listens on the port already, whoever it may be
};

struct ConnectOptions {
  std::optional<IpAddress> source;  // bind to this address first
};

class Net {
 public:
  using OnAccept = UniqueFunction<void(std::unique_ptr<Stream>)>;
  using OnConnect = UniqueFunction<void(Result<std::unique_ptr<Stream>>)>;
  virtual ~Net() = default;

  // Port 0 picks a free port; Listener::address() tells it. When descriptors run out, accepting
  // pauses by itself and goes on when some are free; it never spins.
  virtual Result<std::unique_ptr<Listener>> listen(const SocketAddress& at,
                                                   const ListenOptions& options,
                                                   OnAccept on_accept) = 0;

  // The callback never runs inside this call. There is no deadline here: the caller has one.
  virtual std::unique_ptr<Connecting> connect(const SocketAddress& to,
                                              const ConnectOptions& options,
                                              OnConnect on_connect) = 0;
};

}  // namespace posthorn::io

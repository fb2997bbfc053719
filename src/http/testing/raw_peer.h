// The other end of a connection as plain bytes: collects what arrives and sends what a test says.
// For tests of the client (as a scripted receiver) and of the server (as a scripted client).
#pragma once
#include <array>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "io/loop.h"
#include "io/net.h"

namespace posthorn::http {

class RawPeer {
 public:
  // `on_bytes` runs whenever something arrived or the other side ended; may be null.
  RawPeer(std::unique_ptr<io::Stream> stream, std::function<void(RawPeer&)> on_bytes)
      : stream_(std::move(stream)), on_bytes_(std::move(on_bytes)) {}

  // Starts reading. A peer that never reads just does not call it.
  void read();
  // Sends after what waits already.
  void send(ByteView bytes);
  void end() { stream_->shutdown_write(); }
  void end_after_sending() {
    end_wanted_ = true;
    write();
  }
  // Closes without reading what is left: a reset, when there is any.
  void close() { stream_.reset(); }

  const std::string& received() const { return received_; }
  // Forgets what was received, for the next request.
  void clear() { received_.clear(); }
  bool ended() const { return ended_; }  // the other side ended or was reset
  bool open() const { return stream_ != nullptr && !ended_; }

 private:
  void write();

  std::unique_ptr<io::Stream> stream_;
  std::function<void(RawPeer&)> on_bytes_;
  std::array<char, 4096> buffer_;
  std::string received_;
  std::string waiting_;
  bool writing_ = false;
  bool ended_ = false;
  bool end_wanted_ = false;
};

// Accepts connections and keeps a RawPeer for each, in their order.
class RawServer {
 public:
  using Script = std::function<void(RawPeer&)>;
  // `on_open` runs per connection; null: it starts reading. `on_bytes` as above.
  RawServer(io::Loop& loop, const SocketAddress& at, const Script& on_open, const Script& on_bytes);

  size_t connections() const { return peers_.size(); }
  RawPeer& peer(size_t index) { return *peers_.at(index); }

 private:
  std::vector<std::unique_ptr<RawPeer>> peers_;
  std::unique_ptr<io::Listener> listener_;
};

}  // namespace posthorn::http

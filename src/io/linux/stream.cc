// One TCP connection. Reads wait for the reactor's word, so that each finds something; writes try
// the system first and queue only what it did not take: one system call each.
#include "io/linux/stream.h"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string>

#include "io/linux/os_error.h"

namespace posthorn::io {
namespace {

constexpr size_t kPartsPerCall = 64;
// A queue that once was larger gives its memory back when it has gone out.
constexpr size_t kQueueKept = 16 * 1024;

// What says that there is no more to wait for: reads find bytes, the end or an error.
constexpr uint32_t kEnded = EPOLLRDHUP | EPOLLHUP | EPOLLERR;

class LinuxStream final : public Stream, private Reactor::Source {
 public:
  LinuxStream(Reactor& reactor, Descriptor socket, const SocketAddress& peer)
      : Source(reactor), peer_(peer), socket_(std::move(socket)) {}
  LinuxStream(const LinuxStream&) = delete;
  LinuxStream& operator=(const LinuxStream&) = delete;
  ~LinuxStream() override = default;

  // Edges: the system reports each arrival once, so a read costs no call to wait for it.
  Status start() { return watch(socket_.get(), EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET); }
  void read(std::span<char> into, OnRead on_read) override;
  Result<Wrote> write(std::span<const ByteView> parts, OnWritten on_written) override;
  void shutdown_write() override;
  SocketAddress peer() const override { return peer_; }

 private:
  struct Sent {
    size_t bytes = 0;
    int error_number = 0;
    bool full = false;  // the system takes no more for now
  };
  void ready(uint32_t events) override;
  void receive();
  Sent send_now(std::span<const ByteView> parts) const;
  void flush();
  void finish_write(Status status);
  bool writing() const { return queued_at_ < queued_.size(); }

  const SocketAddress peer_;
  OnRead on_read_;
  OnWritten on_written_;
  std::span<char> into_;  // of the read under way
  std::string queued_;    // what the system has not taken yet, from queued_at_
  size_t queued_at_ = 0;
  bool readable_ = false;  // there may be something to read
  bool ended_ = false;
  bool shutdown_wanted_ = false;
  // Closed first. What the callbacks own goes later: it may own the owner of this stream.
  const Descriptor socket_;
};

void LinuxStream::read(std::span<char> into, OnRead on_read) {
  CHECK(!on_read_ && !into.empty(), "one read at a time, into something");
  into_ = into;
  on_read_ = std::move(on_read);
  if (readable_) again();
}

void LinuxStream::ready(uint32_t events) {
  if ((events & kEnded) != 0) ended_ = true;
  if ((events & (EPOLLIN | kEnded)) != 0) readable_ = true;
  const bool reads = readable_ && on_read_;
  if (writing() && (events & (EPOLLOUT | kEnded)) != 0) {
    if (reads) again();  // the callback of the write may destroy this
    return flush();
  }
  if (reads) receive();
}

void LinuxStream::receive() {
  ssize_t got = 0;
  do {
    got = ::recv(socket_.get(), into_.data(), into_.size(), 0);
  } while (got < 0 && errno == EINTR);
  if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
    readable_ = false;
    return;
  }
  // A read that left room has taken everything; what comes later is reported.
  readable_ = ended_ || got < 0 || static_cast<size_t>(got) == into_.size();
  OnRead on_read = std::move(on_read_);
  on_read_ = nullptr;
  if (got < 0) return on_read(os_error(errno, "read from", peer_.text()));
  on_read(static_cast<size_t>(got));
}

LinuxStream::Sent LinuxStream::send_now(std::span<const ByteView> parts) const {
  Sent sent;
  while (!parts.empty()) {
    std::array<iovec, kPartsPerCall> vectors;
    const size_t count = std::min(parts.size(), kPartsPerCall);
    size_t wanted = 0;
    for (size_t i = 0; i < count; ++i) {
      vectors[i] = {const_cast<char*>(parts[i].data()), parts[i].size()};
      wanted += parts[i].size();
    }
    msghdr message{};
    message.msg_iov = vectors.data();
    message.msg_iovlen = count;
    ssize_t took = 0;
    do {
      took = ::sendmsg(socket_.get(), &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    } while (took < 0 && errno == EINTR);
    if (took < 0 && errno != EAGAIN && errno != EWOULDBLOCK) sent.error_number = errno;
    if (took > 0) sent.bytes += static_cast<size_t>(took);
    sent.full = took < 0 || static_cast<size_t>(took) < wanted;
    if (sent.full) break;
    parts = parts.subspan(count);
  }
  return sent;
}

Result<Wrote> LinuxStream::write(std::span<const ByteView> parts, OnWritten on_written) {
  CHECK(!writing(), "one queued write at a time");
  const Sent sent = send_now(parts);
  if (sent.error_number != 0) return os_error(sent.error_number, "write to", peer_.text());
  if (!sent.full) return Wrote::kAll;
  size_t skip = sent.bytes;
  for (const ByteView part : parts) {
    const size_t gone = std::min(skip, part.size());
    queued_.append(part.substr(gone));
    skip -= gone;
  }
  on_written_ = std::move(on_written);
  return Wrote::kQueued;
}

void LinuxStream::flush() {
  const ByteView rest = ByteView(queued_).substr(queued_at_);
  const Sent sent = send_now(std::array{rest});
  queued_at_ += sent.bytes;
  if (sent.error_number != 0) {
    return finish_write(os_error(sent.error_number, "write to", peer_.text()));
  }
  if (sent.full) return;  // the system says when it takes more
  finish_write({});
}

void LinuxStream::finish_write(Status status) {
  queued_.clear();
  queued_at_ = 0;
  if (queued_.capacity() > kQueueKept) queued_.shrink_to_fit();
  if (shutdown_wanted_) shutdown_write();
  OnWritten on_written = std::move(on_written_);
  on_written_ = nullptr;
  if (on_written) on_written(std::move(status));
}

void LinuxStream::shutdown_write() {
  shutdown_wanted_ = true;
  if (!writing()) ::shutdown(socket_.get(), SHUT_WR);
}

}  // namespace

Result<std::unique_ptr<Stream>> make_stream(Reactor& reactor, Descriptor socket,
                                            const SocketAddress& peer) {
  auto stream = std::make_unique<LinuxStream>(reactor, std::move(socket), peer);
  PH_TRY(stream->start());
  return std::unique_ptr<Stream>(std::move(stream));
}

}  // namespace posthorn::io

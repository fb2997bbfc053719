// One TCP connection. Reads go through the reactor; writes try the system first and queue only
// what it did not take, so that a response costs one system call.
#include "io/linux/stream.h"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <boost/asio/buffer.hpp>
#include <cerrno>

#include "io/linux/os_error.h"

namespace posthorn::io {
namespace {

constexpr size_t kPartsPerCall = 64;
// A queue that once was larger gives its memory back when it has gone out.
constexpr size_t kQueueKept = 16 * 1024;

// Asio's handlers hold this; it outlives its LinuxStream until they have run. The count is not
// atomic: one thread.
class Connection final
    : public boost::intrusive_ref_counter<Connection, boost::thread_unsafe_counter> {
 public:
  Connection(Reactor& reactor, TcpSocket socket, const SocketAddress& peer)
      : reactor_(reactor), socket_(std::move(socket)), peer_(peer) {}

  void read(std::span<char> into, Stream::OnRead on_read);
  Result<Wrote> write(std::span<const ByteView> parts, Stream::OnWritten on_written);
  void shutdown_write();
  void close();
  const SocketAddress& peer() const { return peer_; }

 private:
  using Self = boost::intrusive_ptr<Connection>;
  struct Sent {
    size_t bytes = 0;
    int error_number = 0;
    bool full = false;  // the system takes no more for now
  };
  Sent send_now(std::span<const ByteView> parts);
  void on_received(const boost::system::error_code& failure, size_t bytes);
  void wait_writable();
  void flush();
  void finish_write(Status status);
  bool writing() const { return queued_at_ < queued_.size(); }

  Reactor& reactor_;
  TcpSocket socket_;
  const SocketAddress peer_;
  Stream::OnRead on_read_;
  Stream::OnWritten on_written_;
  std::string queued_;  // what the system has not taken yet, from queued_at_
  size_t queued_at_ = 0;
  bool shutdown_wanted_ = false;
  bool closed_ = false;
};

void Connection::read(std::span<char> into, Stream::OnRead on_read) {
  CHECK(!on_read_ && !into.empty(), "one read at a time, into something");
  on_read_ = std::move(on_read);
  socket_.async_receive(boost::asio::buffer(into.data(), into.size()),
                        [self = Self(this)](const boost::system::error_code& failure,
                                            size_t bytes) { self->on_received(failure, bytes); });
}

void Connection::on_received(const boost::system::error_code& failure, size_t bytes) {
  if (closed_) return;
  const Reactor::Turn turn(reactor_);
  Stream::OnRead on_read = std::move(on_read_);
  on_read_ = nullptr;
  if (!failure || failure == boost::asio::error::eof) return on_read(bytes);
  on_read(os_error(failure.value(), "read from", peer_.text()));
}

Connection::Sent Connection::send_now(std::span<const ByteView> parts) {
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
      took = ::sendmsg(socket_.native_handle(), &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    } while (took < 0 && errno == EINTR);
    if (took < 0 && errno != EAGAIN && errno != EWOULDBLOCK) sent.error_number = errno;
    if (took > 0) sent.bytes += static_cast<size_t>(took);
    sent.full = took < 0 || static_cast<size_t>(took) < wanted;
    if (sent.full) break;
    parts = parts.subspan(count);
  }
  return sent;
}

Result<Wrote> Connection::write(std::span<const ByteView> parts, Stream::OnWritten on_written) {
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
  wait_writable();
  return Wrote::kQueued;
}

void Connection::wait_writable() {
  socket_.async_wait(TcpSocket::wait_write,
                     [self = Self(this)](const boost::system::error_code& /*seen by sendmsg*/) {
                       if (!self->closed_) self->flush();
                     });
}

void Connection::flush() {
  const Reactor::Turn turn(reactor_);
  const ByteView rest = ByteView(queued_).substr(queued_at_);
  const Sent sent = send_now(std::array{rest});
  queued_at_ += sent.bytes;
  if (sent.error_number != 0) {
    return finish_write(os_error(sent.error_number, "write to", peer_.text()));
  }
  if (sent.full) return wait_writable();
  finish_write({});
}

void Connection::finish_write(Status status) {
  queued_.clear();
  queued_at_ = 0;
  if (queued_.capacity() > kQueueKept) queued_.shrink_to_fit();
  if (shutdown_wanted_) shutdown_write();
  Stream::OnWritten on_written = std::move(on_written_);
  on_written_ = nullptr;
  if (on_written) on_written(std::move(status));
}

void Connection::shutdown_write() {
  shutdown_wanted_ = true;
  if (!writing()) ::shutdown(socket_.native_handle(), SHUT_WR);
}

void Connection::close() {
  closed_ = true;
  boost::system::error_code ignored;
  socket_.close(ignored);
  // What the callbacks own goes last: it may own the owner of this connection.
  const Stream::OnRead on_read = std::move(on_read_);
  const Stream::OnWritten on_written = std::move(on_written_);
}

class LinuxStream final : public Stream {
 public:
  explicit LinuxStream(boost::intrusive_ptr<Connection> connection)
      : connection_(std::move(connection)) {}
  LinuxStream(const LinuxStream&) = delete;
  LinuxStream& operator=(const LinuxStream&) = delete;
  ~LinuxStream() override { connection_->close(); }

  void read(std::span<char> into, OnRead on_read) override {
    connection_->read(into, std::move(on_read));
  }
  Result<Wrote> write(std::span<const ByteView> parts, OnWritten on_written) override {
    return connection_->write(parts, std::move(on_written));
  }
  void shutdown_write() override { connection_->shutdown_write(); }
  SocketAddress peer() const override { return connection_->peer(); }

 private:
  const boost::intrusive_ptr<Connection> connection_;
};

}  // namespace

std::unique_ptr<Stream> make_stream(Reactor& reactor, TcpSocket socket, const SocketAddress& peer) {
  return std::make_unique<LinuxStream>(
      boost::intrusive_ptr<Connection>(new Connection(reactor, std::move(socket), peer)));
}

}  // namespace posthorn::io

// Reads and writes of one stream socket for the benchmark programs.
#include "connection.h"

#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace posthorn::bench {

Connection::Connection(int fd, size_t in_bytes_max) : fd_(fd), in_(in_bytes_max) {}

Connection::~Connection() { close(fd_); }

Connection::Result Connection::receive() {
  if (end_ == in_.size()) {
    if (begin_ == 0) return Result::kClosed;
    std::memmove(in_.data(), in_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  const ssize_t got = recv(fd_, in_.data() + end_, in_.size() - end_, 0);
  if (got > 0) {
    end_ += static_cast<size_t>(got);
    return Result::kOk;
  }
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return Result::kOk;
  return Result::kClosed;
}

void Connection::consume(size_t bytes) {
  begin_ += bytes;
  if (begin_ == end_) begin_ = end_ = 0;
}

Connection::Result Connection::send(std::span<iovec> parts) {
  size_t taken = 0;
  if (out_.empty()) {
    msghdr message{};
    message.msg_iov = parts.data();
    message.msg_iovlen = parts.size();
    const ssize_t sent = sendmsg(fd_, &message, MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN && errno != EINTR) return Result::kClosed;
    taken = sent > 0 ? static_cast<size_t>(sent) : 0;
  }
  for (const iovec& part : parts) {
    const size_t skip = taken < part.iov_len ? taken : part.iov_len;
    taken -= skip;
    out_.append(static_cast<const char*>(part.iov_base) + skip, part.iov_len - skip);
  }
  return Result::kOk;
}

Connection::Result Connection::send(std::string_view bytes) {
  iovec part{const_cast<char*>(bytes.data()), bytes.size()};
  return send(std::span<iovec>(&part, 1));
}

Connection::Result Connection::flush() {
  const ssize_t sent = ::send(fd_, out_.data(), out_.size(), MSG_NOSIGNAL);
  if (sent < 0) return errno == EAGAIN || errno == EINTR ? Result::kOk : Result::kClosed;
  out_.erase(0, static_cast<size_t>(sent));
  return Result::kOk;
}

}  // namespace posthorn::bench

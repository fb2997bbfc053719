// One non-blocking stream socket with its read buffer, as floor, sink and generator use it. One
// thread; owns the descriptor. Calls the kernel once per receive and once per send where the
// socket has room, which is what makes the programs cheap.
#pragma once
#include <sys/uio.h>

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace posthorn::bench {

class Connection {
 public:
  enum class Result { kOk, kClosed };

  // `in_bytes_max` bounds one incoming message.
  Connection(int fd, size_t in_bytes_max);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  int fd() const { return fd_; }

  // One recv. kClosed on end of stream, error, or a message larger than the buffer.
  Result receive();
  std::string_view received() const { return {in_.data() + begin_, end_ - begin_}; }
  void consume(size_t bytes);

  // Sends the parts in order; what the socket does not take now is kept and sent by flush(), which
  // the owner calls when the socket is writable and wants_write().
  Result send(std::span<iovec> parts);
  Result send(std::string_view bytes);
  Result flush();
  bool wants_write() const { return !out_.empty(); }

 private:
  int fd_;
  std::vector<char> in_;
  size_t begin_ = 0;
  size_t end_ = 0;
  std::string out_;
};

}  // namespace posthorn::bench

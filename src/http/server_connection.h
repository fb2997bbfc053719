// One connection of the server: reads requests one after another, keeps their answers in order.
// Private to the server.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "http/server.h"
#include "io/timer.h"
#include "wire/http1_chunked.h"

namespace posthorn::http {

class ServerConnection : public Responder::Target,
                         public std::enable_shared_from_this<ServerConnection> {
 public:
  ServerConnection(Server& server, std::unique_ptr<io::Stream> stream);

  void start() { read(); }
  void respond(uint64_t ticket, Response response) override;
  // Writes what is ready; called at the end of the loop's turn.
  void flush();
  // No further request beyond the one that is arriving: closes once everything asked is answered.
  void finish();
  // The server is going away.
  void abandon();
  SocketAddress peer() const { return peer_; }

 private:
  enum class Phase : uint8_t { kIdle, kHead, kBody, kChunked, kDiscard };
  struct Answer {
    bool ready = false;
    bool close = false;
    bool to_head = false;  // the request was HEAD: no body goes out
    Response response;
  };
  // A queue that keeps its memory: nearly always it holds one answer at a time.
  class Answers {
   public:
    bool empty() const { return first_ == all_.size(); }
    size_t size() const { return all_.size() - first_; }
    Answer& front() { return all_[first_]; }
    Answer& operator[](size_t i) { return all_[first_ + i]; }
    Answer& emplace_back() { return all_.emplace_back(); }
    void pop_front() {
      if (++first_ == all_.size() || first_ == kShiftedMax) shift();
    }
    void clear() {
      first_ = all_.size();
      shift();
    }

   private:
    static constexpr size_t kShiftedMax = 64;
    void shift() {
      all_.erase(all_.begin(), all_.begin() + static_cast<std::ptrdiff_t>(first_));
      first_ = 0;
    }
    std::vector<Answer> all_;
    size_t first_ = 0;
  };

  void read();
  void on_read(Result<size_t> got);
  void process();
  bool process_head();
  bool begin_body(size_t received);
  bool process_body();
  bool process_chunked();
  void dispatch(ByteView body, size_t consumed);
  void refuse(int status, std::string_view reason);
  void discard();
  void on_written(bool ok);
  void after_write();
  void render(const Answer& answer);
  void release_answers();
  bool make_room();
  bool charge(size_t bytes);
  void consume(size_t bytes);
  bool may_read_on() const;
  bool receiving() const;
  void set_phase(Phase phase);
  void expire_at(MonoTime when);
  void on_timer();
  void close();

  Server* server_;  // null once closed
  std::unique_ptr<io::Stream> stream_;
  const SocketAddress peer_;
  wire::RequestParser parser_;
  wire::ChunkedDecoder chunks_;
  Phase phase_ = Phase::kIdle;
  std::vector<char> in_;
  size_t begin_ = 0;  // unread input lies in [begin_, end_)
  size_t end_ = 0;
  size_t head_bytes_ = 0;
  size_t body_bytes_ = 0;  // of the request being read
  Server::BodyBound body_bound_;
  std::string chunked_body_;
  Answers answers_;            // of requests dispatched and not rendered, in order
  uint64_t first_ticket_ = 0;  // of answers_.front()
  std::string out_;
  size_t discarded_ = 0;
  size_t charged_ = 0;  // of the server's budget for bodies
  bool reading_ = false;
  bool processing_ = false;
  bool writing_ = false;
  bool flush_queued_ = false;
  bool no_more_requests_ = false;  // the client or we said close, or the input is refused
  bool last_request_ = false;      // the one that is arriving is the last
  bool input_ended_ = false;
  io::Timer timer_;
  MonoTime deadline_;
  MonoTime armed_for_;
};

}  // namespace posthorn::http

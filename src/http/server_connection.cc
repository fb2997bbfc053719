// The state machine of one server connection.
#include "http/server_connection.h"

#include <array>
#include <cstring>

namespace posthorn::http {
namespace {

constexpr size_t kBufferStart = 4096;
constexpr size_t kReadMin = 1024;          // room offered to a read
constexpr size_t kAnswersMax = 64 * 1024;  // rendered and not written, before more is asked for
constexpr size_t kBufferKeep = 64 * 1024;  // larger ones are given back when idle

}  // namespace

ServerConnection::ServerConnection(Server& server, std::unique_ptr<io::Stream> stream)
    : server_(&server),
      stream_(std::move(stream)),
      peer_(stream_->peer()),
      parser_(server.limits_.head),
      timer_(server.loop_.timers(), [this] { on_timer(); }) {
  in_.resize(kBufferStart);
  set_phase(Phase::kHead);
}

void ServerConnection::set_phase(Phase phase) {
  phase_ = phase;
  const ServerLimits& limits = server_->limits_;
  nanoseconds wait = limits.idle_timeout;
  if (phase == Phase::kHead) wait = limits.head_timeout;
  if (phase == Phase::kBody || phase == Phase::kChunked) wait = limits.body_timeout;
  if (phase == Phase::kDiscard) wait = limits.write_timeout;
  expire_at(server_->loop_.now() + wait);
}

// The timer is left alone while it fires early enough; on_timer() looks at the deadline again.
void ServerConnection::expire_at(MonoTime when) {
  deadline_ = when;
  if (timer_.armed() && armed_for_ <= when) return;
  armed_for_ = when;
  timer_.arm_at(when);
}

void ServerConnection::on_timer() {
  const MonoTime now = server_->loop_.now();
  if (now < deadline_) {
    armed_for_ = deadline_;
    timer_.arm_at(deadline_);
    return;
  }
  const bool owes_answers = !answers_.empty() && !writing_;
  if (owes_answers) {  // the handlers have deadlines of their own
    expire_at(now + server_->limits_.idle_timeout);
    return;
  }
  if (receiving() && !writing_)
    refuse(408, "the request did not arrive in time");
  else
    close();
}

// A request has begun to arrive and is not complete.
bool ServerConnection::receiving() const {
  return phase_ == Phase::kBody || phase_ == Phase::kChunked ||
         (phase_ == Phase::kHead && end_ > begin_);
}

// Takes memory from the server's budget; given back when the input is consumed or the connection
// closes.
bool ServerConnection::charge(size_t bytes) {
  if (bytes > server_->limits_.buffer_bytes_max - server_->charged_) return false;
  server_->charged_ += bytes;
  charged_ += bytes;
  return true;
}

// Room for the next read. The buffer grows with what has arrived, not with what was announced, so
// that an announcement alone costs nothing.
bool ServerConnection::make_room() {
  if (begin_ == end_) begin_ = end_ = 0;
  const size_t received = end_ - begin_;
  size_t wanted = kReadMin;
  if (phase_ == Phase::kBody) {
    const size_t left = head_bytes_ + body_bytes_ - received;
    wanted = std::min(std::max(left, kReadMin), std::max(received, kReadMin));
  }
  if (in_.size() - end_ >= wanted) return true;
  if (begin_ > 0) {
    std::memmove(in_.data(), in_.data() + begin_, received);
    end_ = received;
    begin_ = 0;
  }
  if (in_.size() - end_ >= wanted) return true;
  size_t size = std::max(in_.size() * 2, end_ + wanted);
  if (phase_ == Phase::kBody) {
    size = std::min(size, std::max(head_bytes_ + body_bytes_, end_ + wanted));
  }
  if (!charge(size - in_.size())) return false;
  in_.resize(size);
  return true;
}

void ServerConnection::consume(size_t bytes) {
  begin_ += bytes;
  if (begin_ == end_) begin_ = end_ = 0;
  if (end_ == 0 && in_.size() > kBufferKeep) {
    in_.resize(kBufferStart);
    in_.shrink_to_fit();
  }
  const size_t kept = in_.size() - kBufferStart;
  server_->charged_ -= charged_ - kept;
  charged_ = kept;
}

// While answers do not go out, or too many are owed, the client's further requests wait in its own
// system.
bool ServerConnection::may_read_on() const {
  return !writing_ && !no_more_requests_ && out_.size() < kAnswersMax &&
         answers_.size() < server_->limits_.pipeline_max;
}

void ServerConnection::read() {
  if (reading_ || input_ended_ || server_ == nullptr) return;
  if (phase_ != Phase::kDiscard && !may_read_on()) return;  // resumed by after_write()
  if (!make_room()) {
    refuse(503, "too many request bodies are arriving at once");
    return;
  }
  reading_ = true;
  // The stream calls back no more once it is closed, and this outlives the handler that closes it.
  stream_->read({in_.data() + end_, in_.size() - end_},
                [this](Result<size_t> got) { on_read(std::move(got)); });
}

void ServerConnection::on_read(Result<size_t> got) {
  reading_ = false;
  if (!got.ok()) {
    close();
    return;
  }
  if (*got == 0) {
    input_ended_ = true;
    no_more_requests_ = true;
    // A half-closed client still gets the answers it asked for; half a request is dropped.
    if (answers_.empty() && out_.empty() && !writing_) close();
    return;
  }
  end_ += *got;
  process();
}

void ServerConnection::process() {
  if (processing_) return;  // a handler answered inside its call
  processing_ = true;
  bool more = true;
  while (more && server_ != nullptr && begin_ != end_) {
    if (phase_ == Phase::kDiscard) {
      discard();
      break;
    }
    if (!may_read_on()) break;
    if (phase_ == Phase::kIdle || phase_ == Phase::kHead) more = process_head();
    if (more && phase_ == Phase::kBody)
      more = process_body();
    else if (more && phase_ == Phase::kChunked)
      more = process_chunked();
  }
  processing_ = false;
  if (server_ == nullptr) return;
  if (phase_ == Phase::kIdle && !writing_) set_phase(Phase::kIdle);
  read();
}

bool ServerConnection::process_head() {
  const ByteView input(in_.data() + begin_, end_ - begin_);
  const wire::HttpParse parsed = parser_.parse(input);
  if (parsed == wire::HttpParse::kNeedMore) {
    // Most heads come in one piece and never need their deadline.
    if (phase_ == Phase::kIdle) set_phase(Phase::kHead);
    return false;
  }
  if (parsed == wire::HttpParse::kError) {
    refuse(parser_.error().status, parser_.error().reason);
    return false;
  }
  const wire::RequestHead& head = parser_.head();
  head_bytes_ = head.head_bytes;
  body_bytes_ = head.content_length;
  body_bound_ = server_->handlers_.body_limit(head);
  if (head.content_length > body_bound_.bytes_max) {
    refuse(body_bound_.status, body_bound_.reason);
    return false;
  }
  const auto encoding = head.headers.find("content-encoding");
  if (encoding && !wire::equals_lower(*encoding, "identity")) {
    refuse(415, "bodies are taken without a content coding");
    return false;
  }
  return begin_body(input.size());
}

bool ServerConnection::begin_body(size_t received) {
  const wire::RequestHead& head = parser_.head();
  if (head.expect_continue && received == head_bytes_ && answers_.empty()) {
    out_ += "HTTP/1.1 100 Continue\r\n\r\n";
    flush();
    if (server_ == nullptr) return false;
  }
  if (head.framing == wire::BodyFraming::kChunked) {
    chunks_.reset(wire::ChunkExtensions::kRefuse);
    chunked_body_.clear();
    // The head stays in front of the buffer until the request is dispatched; chunks are consumed
    // behind it.
    set_phase(Phase::kChunked);
  } else if (head_bytes_ + body_bytes_ > received) {
    set_phase(Phase::kBody);
  } else {
    phase_ = Phase::kBody;  // dispatched at once: needs no deadline
  }
  return true;
}

bool ServerConnection::process_body() {
  if (end_ - begin_ < head_bytes_ + body_bytes_) return false;
  dispatch({in_.data() + begin_ + head_bytes_, body_bytes_}, head_bytes_ + body_bytes_);
  return server_ != nullptr;
}

bool ServerConnection::process_chunked() {
  ByteView rest(in_.data() + begin_ + head_bytes_, end_ - begin_ - head_bytes_);
  while (true) {
    ByteView data;
    const auto step = chunks_.next(rest, data);
    // What a chunk announces counts before it comes.
    if (chunked_body_.size() + data.size() + chunks_.announced() > body_bound_.bytes_max) {
      refuse(body_bound_.status, body_bound_.reason);
      return false;
    }
    if (step == wire::ChunkedDecoder::Step::kData) {
      if (!charge(data.size())) {
        refuse(503, "too many request bodies are arriving at once");
        return false;
      }
      chunked_body_.append(data);
      continue;
    }
    if (step == wire::ChunkedDecoder::Step::kError) {
      refuse(400, chunks_.reason());
      return false;
    }
    // What was decoded is taken out from behind the head.
    char* const behind_head = in_.data() + begin_ + head_bytes_;
    std::memmove(behind_head, rest.data(), rest.size());
    end_ = begin_ + head_bytes_ + rest.size();
    if (step == wire::ChunkedDecoder::Step::kNeedMore) return false;
    const std::string body = std::exchange(chunked_body_, {});
    dispatch(body, head_bytes_);
    return server_ != nullptr;
  }
}

void ServerConnection::dispatch(ByteView body, size_t consumed) {
  wire::RequestHead& head = parser_.head();
  head.rebase(in_.data() + begin_);
  Request request;
  request.method = head.method;
  request.target = head.target();
  request.path = head.path();
  request.query = head.query();
  request.body = body;
  request.headers = &head.headers;
  request.peer = peer_;
  Answer& answer = answers_.emplace_back();
  answer.close = !head.keep_alive || last_request_;
  answer.to_head = head.method == wire::HttpMethod::kHead;
  if (answer.close) no_more_requests_ = true;
  const uint64_t ticket = first_ticket_ + answers_.size() - 1;
  phase_ = Phase::kIdle;
  server_->handlers_.handle(request, Responder(weak_from_this(), ticket));
  if (server_ == nullptr) return;
  consume(consumed);
  parser_.reset();
}

void ServerConnection::respond(uint64_t ticket, Response response) {
  // Answers behind one that closed the connection are of no use any more.
  if (server_ == nullptr || ticket - first_ticket_ >= answers_.size()) return;
  Answer& answer = answers_[ticket - first_ticket_];
  answer.ready = true;
  answer.close |= response.close;
  answer.response = std::move(response);
  release_answers();
}

void ServerConnection::release_answers() {
  bool rendered = false;
  while (!answers_.empty() && answers_.front().ready) {
    const bool close = answers_.front().close;
    render(answers_.front());
    answers_.pop_front();
    ++first_ticket_;
    rendered = true;
    if (!close) continue;
    no_more_requests_ = true;
    answers_.clear();
  }
  if (rendered && !flush_queued_) {
    flush_queued_ = true;
    server_->flush_later(shared_from_this());
  }
}

// The answer is the first of answers_.
void ServerConnection::render(const Answer& answer) {
  const Response& response = answer.response;
  const bool close = answer.close || (no_more_requests_ && answers_.size() == 1);
  wire::append_status_line(out_, response.status);
  wire::append_header(out_, "Date", server_->date());
  for (const ResponseHeader& header : response.headers) {
    if (wire::is_header_value(header.value)) wire::append_header(out_, header.name, header.value);
  }
  if (close) wire::append_header(out_, "Connection", "close");
  const bool bodiless = response.status == 204 || response.status == 304;
  if (!bodiless) {
    if (!response.content_type.empty()) {
      wire::append_header(out_, "Content-Type", response.content_type);
    }
    wire::append_header(out_, "Content-Length", response.body.size());
  }
  wire::end_head(out_);
  if (!bodiless && !answer.to_head) out_ += response.body;
}

void ServerConnection::flush() {
  flush_queued_ = false;
  if (server_ == nullptr || writing_ || out_.empty()) return;
  const std::array<ByteView, 1> parts = {out_};
  const Result<io::Wrote> wrote =
      stream_->write(parts, [this](const Status& written) { on_written(written.ok()); });
  out_.clear();
  if (!wrote.ok()) {
    close();
    return;
  }
  if (*wrote == io::Wrote::kQueued) {
    writing_ = true;
    expire_at(server_->loop_.now() + server_->limits_.write_timeout);
    return;
  }
  after_write();
}

void ServerConnection::on_written(bool ok) {
  writing_ = false;
  if (ok)
    after_write();
  else
    close();
}

void ServerConnection::after_write() {
  if (!out_.empty()) {
    flush();
    return;
  }
  if (!no_more_requests_ || !answers_.empty()) {
    // A read under way means that everything that had arrived was looked at.
    if (!reading_ && begin_ != end_)
      process();
    else
      read();
    return;
  }
  if (phase_ == Phase::kDiscard && !input_ended_) {
    // The client may still be sending: it sees the answer only if its bytes are taken meanwhile.
    stream_->shutdown_write();
    read();
    return;
  }
  close();
}

void ServerConnection::refuse(int status, std::string_view reason) {
  no_more_requests_ = true;
  Answer& answer = answers_.emplace_back();
  answer.close = true;
  set_phase(Phase::kDiscard);
  Response response;
  response.status = status;
  response.body = server_->handlers_.error_body(status, reason);
  if (status == 401) response.headers.push_back({"WWW-Authenticate", "Bearer"});
  if (status == 503) response.headers.push_back({"Retry-After", "1"});
  respond(first_ticket_ + answers_.size() - 1, std::move(response));
  if (server_ != nullptr) discard();
}

void ServerConnection::discard() {
  discarded_ += end_ - begin_;
  chunked_body_ = {};
  if (!reading_) consume(end_ - begin_);
  begin_ = end_ = 0;
  if (discarded_ > server_->limits_.drain_bytes_max) close();
}

void ServerConnection::finish() {
  last_request_ = true;
  if (receiving()) return;  // dispatch() marks its answer as the last one
  no_more_requests_ = true;
  if (answers_.empty() && out_.empty() && !writing_) close();
}

void ServerConnection::abandon() {
  server_ = nullptr;
  timer_.cancel();
  stream_.reset();
}

void ServerConnection::close() {
  if (server_ == nullptr) return;
  Server* const server = std::exchange(server_, nullptr);
  server->charged_ -= std::exchange(charged_, 0);
  timer_.cancel();
  stream_.reset();
  answers_.clear();
  server->closed(this);
}

}  // namespace posthorn::http

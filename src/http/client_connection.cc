// The state machine of one client connection.
#include "http/client_connection.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

namespace posthorn::http {
namespace {

constexpr size_t kBufferStart = 4096;

uint32_t micros(nanoseconds span) {
  return static_cast<uint32_t>(
      std::clamp<int64_t>(span.count() / 1000, 0, std::numeric_limits<uint32_t>::max()));
}

}  // namespace

void ClientConnection::open(const PoolKey& key, std::unique_ptr<io::Stream> stream) {
  key_ = key;
  stream_ = std::move(stream);
  in_.resize(kBufferStart);
}

void ClientConnection::begin(const ExchangeState& state) {
  state_ = &state;
  received_ = 0;
  body_seen_ = 0;
  head_done_ = false;
  request_out_ = false;
  parser_.reset();
  result_ = ExchangeResult{};
  result_.reused = used_before_;
  result_.connect_us = state.connect_us;
  result_.tls_us = state.tls_us;
  read();
  // A failed write ends nothing by itself: the peer may have answered before it closed, so the read
  // tells how the exchange ends.
  const Result<io::Wrote> wrote = stream_->write(
      state.exchange.request, [this](const Status& written) { request_out_ = written.ok(); });
  if (wrote.ok() && *wrote == io::Wrote::kAll) request_out_ = true;
}

bool ClientConnection::cut_short() {
  if (!head_done_) return false;
  last_event_ = loop_.now();
  result_.body_truncated = true;
  finish(false);
  return true;
}

void ClientConnection::shut() {
  state_ = nullptr;
  stream_.reset();
}

void ClientConnection::read() {
  if (reading_ || stream_ == nullptr) return;
  reading_ = true;
  stream_->read({in_.data() + received_, in_.size() - received_},
                [this](Result<size_t> got) { on_read(std::move(got)); });
}

void ClientConnection::on_read(Result<size_t> got) {
  reading_ = false;
  if (state_ == nullptr) {
    // Idle: whatever arrives, data or the end, the connection is not used again.
    owner_.idle_ended(number_);
    return;
  }
  last_event_ = loop_.now();
  if (!got.ok() || *got == 0) {
    ended_by_peer(!got.ok());
    return;
  }
  if (received_ == 0 && result_.first_byte_us == 0) {
    result_.first_byte_us = micros(last_event_ - state_->started);
  }
  received_ += *got;
  if (head_done_)
    on_body_bytes();
  else
    on_answer_bytes();
}

void ClientConnection::on_answer_bytes() {
  const wire::HttpParse parsed = parser_.parse({in_.data(), received_});
  if (parsed == wire::HttpParse::kError) {
    fail(ExchangeError::kProtocol,
         fmt::format("the answer is not valid HTTP: {}", parser_.error().reason));
    return;
  }
  if (parsed == wire::HttpParse::kNeedMore) {
    if (received_ == in_.size()) in_.resize(std::min(in_.size() * 2, limits_.head.head_bytes + 1));
    if (received_ == in_.size()) {
      fail(ExchangeError::kProtocol, "the head of the answer is too large");
      return;
    }
    read();
    return;
  }
  const wire::ResponseHead& head = parser_.head();
  head_done_ = true;
  result_.status = head.status;
  // Nobody asks for the headers of a success, and nearly all answers are one.
  const bool success = head.status >= 200 && head.status <= 299;
  for (size_t i = 0; i < head.headers.size() && !success; ++i) {
    const wire::HttpField field = head.headers[i];
    result_.headers.emplace_back(std::string(field.name), std::string(field.value));
  }
  if (head.framing == wire::BodyFraming::kChunked) chunks_.reset(wire::ChunkExtensions::kSkip);
  received_ -= head.head_bytes;
  std::memmove(in_.data(), in_.data() + head.head_bytes, received_);
  on_body_bytes();
}

void ClientConnection::keep(ByteView data) {
  body_seen_ += data.size();
  const size_t room = state_->exchange.body_keep_max - result_.body.size();
  result_.body.append(data.substr(0, room));
  if (data.size() > room) result_.body_truncated = true;
}

// Consumes what is in in_; ends the exchange when the body is complete, broken or too long.
void ClientConnection::on_body_bytes() {
  const wire::ResponseHead& head = parser_.head();
  ByteView rest(in_.data(), received_);
  bool complete = head.framing == wire::BodyFraming::kNone;
  bool broken = false;
  if (head.framing == wire::BodyFraming::kChunked) {
    ByteView data;
    auto step = chunks_.next(rest, data);
    while (step == wire::ChunkedDecoder::Step::kData) {
      keep(data);
      step = chunks_.next(rest, data);
    }
    complete = step == wire::ChunkedDecoder::Step::kDone;
    broken = step == wire::ChunkedDecoder::Step::kError;
  } else if (head.framing != wire::BodyFraming::kNone) {
    const bool until_close = head.framing == wire::BodyFraming::kUntilClose;
    const uint64_t left = until_close ? rest.size() : head.content_length - body_seen_;
    const size_t taken = static_cast<size_t>(std::min<uint64_t>(left, rest.size()));
    keep(rest.substr(0, taken));
    rest.remove_prefix(taken);
    complete = !until_close && body_seen_ == head.content_length;
  }
  if (broken || (!complete && body_seen_ >= limits_.body_read_max)) {
    result_.body_truncated = true;
    finish(false);
    return;
  }
  if (!complete) {
    received_ = 0;
    read();
    return;
  }
  // Bytes behind the answer, or an answer before the request was out: never reuse.
  finish(head.keep_alive && rest.empty() && request_out_);
}

void ClientConnection::ended_by_peer(bool reset) {
  if (head_done_) {
    const bool until_close = parser_.head().framing == wire::BodyFraming::kUntilClose;
    if (!until_close || reset) result_.body_truncated = true;
    finish(false);
    return;
  }
  if (used_before_ && received_ == 0 && !state_->retried) {
    state_ = nullptr;
    owner_.exchange_stale(number_);
    return;
  }
  fail(ExchangeError::kDisconnected,
       received_ == 0 ? "the connection was closed before an answer"
                      : "the connection was closed within the head of the answer");
}

void ClientConnection::fail(ExchangeError error, std::string detail) {
  result_.error = error;
  result_.detail = std::move(detail);
  finish(false);
}

void ClientConnection::finish(bool reusable) {
  result_.total_us = micros(last_event_ - state_->started);
  state_ = nullptr;
  used_before_ = true;
  received_ = 0;
  if (reusable) {
    if (in_.size() > kBufferStart) {
      in_.resize(kBufferStart);
      in_.shrink_to_fit();
    }
    read();  // to notice a close, or bytes that nobody asked for
  }
  owner_.exchange_done(number_, std::move(result_), reusable);
}

}  // namespace posthorn::http

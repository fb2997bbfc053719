// TLS over a stream. The caller's read buffer first holds ciphertext, then what it decrypts to, so
// that an idle connection needs no buffer of its own.
#include "io/linux/tls_stream.h"

#include <array>

namespace posthorn::io {
namespace {

class TlsStream final : public Stream {
 public:
  TlsStream(Loop& loop, std::unique_ptr<Stream> under, std::unique_ptr<TlsChannel> channel)
      : loop_(loop), channel_(std::move(channel)), under_(std::move(under)) {}

  TlsStream(const TlsStream&) = delete;
  TlsStream& operator=(const TlsStream&) = delete;
  ~TlsStream() override {
    // Polite, and not waited for.
    if (!broken_ && !under_busy_ && !end_wanted_) {
      channel_->end();
      (void)flush();
    }
  }

  void read(std::span<char> into, OnRead on_read) override;
  Result<Wrote> write(std::span<const ByteView> parts, OnWritten on_written) override;
  void shutdown_write() override;
  SocketAddress peer() const override { return under_->peer(); }

 private:
  void read_more();
  void on_ciphertext(Result<size_t> got);
  // What channel_ can give now; nothing when it needs more ciphertext.
  std::optional<Result<size_t>> decrypt();
  void finish_read(Result<size_t> result);
  Status flush();
  void on_flushed(Status status);

  Loop& loop_;
  std::span<char> into_;
  OnRead on_read_;
  OnWritten on_written_;
  bool under_busy_ = false;  // a write of ours is queued below
  bool end_wanted_ = false;
  bool broken_ = false;
  const std::shared_ptr<TlsStream*> self_ = std::make_shared<TlsStream*>(this);
  const std::unique_ptr<TlsChannel> channel_;
  const std::unique_ptr<Stream> under_;  // last: its callbacks go first
};

void TlsStream::read(std::span<char> into, OnRead on_read) {
  CHECK(!on_read_ && !into.empty(), "one read at a time, into something");
  into_ = into;
  on_read_ = std::move(on_read);
  // What arrived with earlier bytes may wait in the channel already.
  auto ready = decrypt();
  if (!ready) return read_more();
  loop_.post([self = std::weak_ptr<TlsStream*>(self_), result = std::move(*ready)]() mutable {
    if (const auto alive = self.lock()) (*alive)->finish_read(std::move(result));
  });
}

void TlsStream::read_more() {
  under_->read(into_, [this](Result<size_t> got) { on_ciphertext(std::move(got)); });
}

void TlsStream::on_ciphertext(Result<size_t> got) {
  if (!got.ok()) return finish_read(std::move(got));
  if (got.value() == 0) {
    // Anyone on the way can end a TCP connection; only the peer can say that it is complete.
    return finish_read(error(Errc::kDisconnected, "TLS: the connection ended unannounced"));
  }
  channel_->feed(ByteView(into_.data(), got.value()));
  auto ready = decrypt();
  if (ready) return finish_read(std::move(*ready));
  read_more();
}

std::optional<Result<size_t>> TlsStream::decrypt() {
  auto decrypted = channel_->decrypt(into_);
  // Reading may make something to send: an answer to a new key, an alert.
  if (const Status sent = flush(); decrypted.ok() && !sent.ok()) return sent.error();
  if (!decrypted.ok()) {
    broken_ = true;
    return std::move(decrypted).error();
  }
  if (decrypted->bytes == 0 && !decrypted->ended) return std::nullopt;
  return decrypted->bytes;
}

void TlsStream::finish_read(Result<size_t> result) {
  OnRead on_read = std::move(on_read_);
  on_read_ = nullptr;
  if (on_read) on_read(std::move(result));
}

Result<Wrote> TlsStream::write(std::span<const ByteView> parts, OnWritten on_written) {
  CHECK(!on_written_, "one queued write at a time");
  if (broken_ || end_wanted_) return error(Errc::kDisconnected, "TLS: the connection has ended");
  if (Status status = channel_->encrypt(parts); !status.ok()) {
    broken_ = true;
    return std::move(status).error();
  }
  PH_TRY(flush());
  if (!under_busy_) return Wrote::kAll;
  on_written_ = std::move(on_written);
  if (!on_written_) on_written_ = [](const Status&) {};
  return Wrote::kQueued;
}

Status TlsStream::flush() {
  if (under_busy_ || channel_->output().empty()) return {};
  auto wrote = under_->write(std::array{channel_->output()},
                             [this](Status status) { on_flushed(std::move(status)); });
  channel_->sent();
  if (!wrote.ok()) {
    broken_ = true;
    return std::move(wrote).error();
  }
  under_busy_ = wrote.value() == Wrote::kQueued;
  return {};
}

void TlsStream::on_flushed(Status status) {
  under_busy_ = false;
  if (status.ok()) status = flush();
  if (under_busy_) return;
  if (end_wanted_) under_->shutdown_write();
  OnWritten on_written = std::move(on_written_);
  on_written_ = nullptr;
  if (on_written) on_written(std::move(status));
}

void TlsStream::shutdown_write() {
  if (std::exchange(end_wanted_, true) || broken_) return;
  channel_->end();
  (void)flush();
  if (!under_busy_) under_->shutdown_write();
}

class StreamHandshake final : public TlsHandshake {
 public:
  StreamHandshake(Loop& loop, std::unique_ptr<Stream> under, std::unique_ptr<TlsChannel> channel,
                  Tls::OnStream on_stream)
      : loop_(loop),
        channel_(std::move(channel)),
        on_stream_(std::move(on_stream)),
        under_(std::move(under)) {
    loop_.post([self = std::weak_ptr<StreamHandshake*>(self_)] {
      if (const auto alive = self.lock()) (*alive)->go_on();
    });
  }

 private:
  void go_on() {
    auto done = channel_->handshake();
    // Also after an error: the peer should get our alert.
    const ByteView output = channel_->output();
    if (!output.empty()) {
      auto wrote = under_->write(std::array{output}, [this](Status status) {
        if (!status.ok()) return finish(std::move(status));
        flushed();
      });
      channel_->sent();
      if (!wrote.ok() && done.ok()) return finish(std::move(wrote).error());
      flushing_ = wrote.ok() && wrote.value() == Wrote::kQueued;
    }
    if (!done.ok()) return finish(std::move(done).error());
    done_ = done.value();
    if (flushing_) return;
    flushed();
  }

  void flushed() {
    flushing_ = false;
    if (done_) return finish({});
    under_->read(buffer_, [this](Result<size_t> got) {
      if (!got.ok()) return finish(std::move(got).error());
      if (got.value() == 0) {
        return finish(error(Errc::kDisconnected, "TLS: the connection ended in the handshake"));
      }
      channel_->feed(ByteView(buffer_.data(), got.value()));
      go_on();
    });
  }

  void finish(Status status) {
    // The callback may destroy this.
    Tls::OnStream on_stream = std::move(on_stream_);
    on_stream_ = nullptr;
    if (!status.ok()) {
      const std::unique_ptr<Stream> closed = std::move(under_);
      return on_stream(std::move(status).error());
    }
    on_stream(std::unique_ptr<Stream>(
        std::make_unique<TlsStream>(loop_, std::move(under_), std::move(channel_))));
  }

  Loop& loop_;
  std::unique_ptr<TlsChannel> channel_;
  Tls::OnStream on_stream_;
  bool flushing_ = false;
  bool done_ = false;
  std::array<char, 4096> buffer_;
  const std::shared_ptr<StreamHandshake*> self_ = std::make_shared<StreamHandshake*>(this);
  std::unique_ptr<Stream> under_;  // last: its callbacks go first
};

}  // namespace

std::unique_ptr<TlsHandshake> start_handshake(Loop& loop, std::unique_ptr<Stream> under,
                                              std::unique_ptr<TlsChannel> channel,
                                              Tls::OnStream on_stream) {
  return std::make_unique<StreamHandshake>(loop, std::move(under), std::move(channel),
                                           std::move(on_stream));
}

}  // namespace posthorn::io

#include "http/testing/raw_peer.h"

#include "base/check.h"

namespace posthorn::http {

void RawPeer::read() {
  stream_->read(buffer_, [this](Result<size_t> got) {
    ended_ = !got.ok() || *got == 0;
    if (!ended_) {
      received_.append(buffer_.data(), *got);
      read();
    }
    if (on_bytes_) on_bytes_(*this);
  });
}

void RawPeer::send(ByteView bytes) {
  waiting_ += bytes;
  write();
}

void RawPeer::write() {
  if (writing_ || stream_ == nullptr) return;
  if (waiting_.empty()) {
    if (end_wanted_) end();
    return;
  }
  const std::string bytes = std::exchange(waiting_, {});
  const auto wrote = stream_->write(std::array{ByteView(bytes)}, [this](const Status& written) {
    writing_ = false;
    if (written.ok()) write();
  });
  writing_ = wrote.ok() && *wrote == io::Wrote::kQueued;
  if (wrote.ok() && !writing_) write();
}

RawServer::RawServer(io::Loop& loop, const SocketAddress& at, const Script& on_open,
                     const Script& on_bytes) {
  auto listener = loop.net().listen(at, {}, [=, this](std::unique_ptr<io::Stream> stream) {
    peers_.push_back(std::make_unique<RawPeer>(std::move(stream), on_bytes));
    if (on_open)
      on_open(*peers_.back());
    else
      peers_.back()->read();
  });
  CHECK(listener.ok(), "{}", listener.error().message);
  listener_ = *std::move(listener);
}

}  // namespace posthorn::http

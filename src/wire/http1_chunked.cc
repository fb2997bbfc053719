// The chunked coding as a byte-wise state machine; chunk data itself passes as whole views.
#include "wire/http1_chunked.h"

#include "wire/http1_lines.h"

namespace posthorn::wire {
namespace {

constexpr uint8_t kSizeDigitsMax = 15;  // below 2^60

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool is_text(char c) {
  const auto byte = static_cast<uint8_t>(c);
  return (byte >= 0x20 && byte != 0x7F) || c == '\t';
}

}  // namespace

void ChunkedDecoder::reset(ChunkExtensions extensions) {
  state_ = State::kSizeFirst;
  refuse_extensions_ = extensions == ChunkExtensions::kRefuse;
  digits_ = 0;
  left_ = 0;
  overhead_ = 0;
}

bool ChunkedDecoder::fail(ByteView reason) {
  reason_ = reason;
  state_ = State::kFailed;
  return false;
}

ChunkedDecoder::Step ChunkedDecoder::next(ByteView& in, ByteView& data) {
  while (true) {
    if (state_ == State::kDone) return Step::kDone;
    if (state_ == State::kFailed) return Step::kError;
    if (in.empty()) return Step::kNeedMore;
    if (state_ == State::kData) {
      data = in.substr(0, static_cast<size_t>(std::min<uint64_t>(left_, in.size())));
      in.remove_prefix(data.size());
      left_ -= data.size();
      if (left_ == 0) state_ = State::kDataCr;
      return Step::kData;
    }
    if (!take(in.front())) return Step::kError;
    in.remove_prefix(1);
  }
}

bool ChunkedDecoder::take(char c) {
  switch (state_) {
    case State::kSizeFirst:
    case State::kSize:
    case State::kExtension:
    case State::kSizeLf:
      return take_size(c);
    case State::kDataCr:
      if (c != '\r') return fail("chunk longer than its size");
      state_ = State::kDataLf;
      return true;
    case State::kDataLf:
      if (c != '\n') return fail("CR without LF");
      state_ = State::kSizeFirst;
      digits_ = 0;
      left_ = 0;
      return true;
    default:
      return take_trailer(c);
  }
}

bool ChunkedDecoder::take_size(char c) {
  if (state_ == State::kSizeLf) {
    if (c != '\n') return fail("CR without LF");
    state_ = left_ > 0 ? State::kData : State::kTrailerStart;
    return true;
  }
  if (state_ == State::kExtension) {
    if (c == '\r') {
      state_ = State::kSizeLf;
      return true;
    }
    if (!is_text(c)) return fail("bad chunk extension");
    if (++overhead_ > kOverheadMax) return fail("chunk extensions too long");
    return true;
  }
  const int digit = hex_value(c);
  if (digit >= 0) {
    if (++digits_ > kSizeDigitsMax) return fail("chunk size too large");
    left_ = left_ * 16 + static_cast<uint64_t>(digit);
    state_ = State::kSize;
    return true;
  }
  if (state_ == State::kSizeFirst) return fail("bad chunk size");
  if (c == '\r') {
    state_ = State::kSizeLf;
    return true;
  }
  if (c != ';' || refuse_extensions_) return fail("bad chunk size");
  state_ = State::kExtension;
  return true;
}

bool ChunkedDecoder::take_trailer(char c) {
  if (++overhead_ > kOverheadMax) return fail("trailer too long");
  switch (state_) {
    case State::kTrailerStart:
      if (c == '\r') {
        state_ = State::kEndLf;
        return true;
      }
      [[fallthrough]];
    case State::kTrailerName:
      if (c == ':' && state_ == State::kTrailerName) {
        state_ = State::kTrailerValue;
        return true;
      }
      if (!is_token_char(c)) return fail("bad trailer");
      state_ = State::kTrailerName;
      return true;
    case State::kTrailerValue:
      if (c == '\r') state_ = State::kTrailerLf;
      return c == '\r' || is_text(c) || fail("bad trailer");
    case State::kTrailerLf:
      if (c != '\n') return fail("CR without LF");
      state_ = State::kTrailerStart;
      return true;
    default:
      if (c != '\n') return fail("CR without LF");
      state_ = State::kDone;
      return true;
  }
}

}  // namespace posthorn::wire

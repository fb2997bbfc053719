// Decoder of the chunked transfer coding, for request and response bodies. Pulls views of data out
// of the read buffer; never allocates, never keeps bytes.
#pragma once
#include "wire/http1.h"

namespace posthorn::wire {

enum class ChunkExtensions : uint8_t { kRefuse, kSkip };

class ChunkedDecoder {
 public:
  // Extensions of one chunk and all trailer fields together are bounded by this many bytes.
  static constexpr size_t kOverheadMax = 4096;
  enum class Step : uint8_t { kData, kNeedMore, kDone, kError };

  void reset(ChunkExtensions extensions);

  // Consumes bytes from the front of `in`. kData: `data` is the next piece of the body, a view into
  // the input; call again. kNeedMore: `in` is used up. kDone: what is left of `in` is not of this
  // body. Trailer fields are checked and dropped.
  Step next(ByteView& in, ByteView& data);
  // After kError.
  ByteView reason() const { return reason_; }
  // What the current chunk still announces: lets a caller refuse before the bytes come.
  uint64_t announced() const { return left_; }

 private:
  enum class State : uint8_t {
    kSizeFirst,
    kSize,
    kExtension,
    kSizeLf,
    kData,
    kDataCr,
    kDataLf,
    kTrailerStart,
    kTrailerName,
    kTrailerValue,
    kTrailerLf,
    kEndLf,
    kDone,
    kFailed,
  };
  // Always false.
  bool fail(ByteView reason);
  // One byte outside chunk data; false after a failure.
  bool take(char c);
  bool take_size(char c);
  bool take_trailer(char c);

  State state_ = State::kSizeFirst;
  bool refuse_extensions_ = true;
  uint8_t digits_ = 0;
  uint64_t left_ = 0;
  size_t overhead_ = 0;
  ByteView reason_;
};

}  // namespace posthorn::wire

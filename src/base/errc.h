// The closed list of expected errors and the class of each. api/errors.cc maps classes to HTTP.
#pragma once
#include <cstdint>
#include <string_view>

namespace posthorn {

enum class Errc : uint8_t {
  kInvalid,       // malformed or out of range input
  kTooLarge,      // input above a stated limit
  kUnauthorized,  // no or bad credential
  kForbidden,     // credential is good, the operation is not for it
  kNotFound,
  kConflict,     // exists already, or the state does not allow it
  kGone,         // was there and has been removed on purpose (payload expunged)
  kOverloaded,   // a bounded queue is full; try again later
  kNoSpace,      // storage is at its low-space mark
  kUnavailable,  // not accepting now (starting, draining, read-only)
  kTimeout,
  kDisconnected,    // the peer closed or reset
  kRefused,         // the peer or a policy said no
  kIo,              // the operating system reported an error
  kCorrupt,         // stored bytes fail their checksum or grammar
  kUnknownOutcome,  // the write may or may not have happened
  kUnsupported,     // a newer format or a feature that is not there
  kInternal,
};

enum class ErrorClass : uint8_t {
  kBadInput,
  kNotFound,
  kConflict,
  kRefused,
  kOverload,
  kTransient,
  kCorrupt,
  kInternal,
};

ErrorClass error_class(Errc code);
std::string_view errc_name(Errc code);

}  // namespace posthorn

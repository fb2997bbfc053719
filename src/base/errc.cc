// pure: names and classes of the error codes.
#include "base/errc.h"

namespace posthorn {

ErrorClass error_class(Errc code) {
  switch (code) {
    case Errc::kInvalid:
    case Errc::kTooLarge:
      return ErrorClass::kBadInput;
    case Errc::kUnauthorized:
    case Errc::kForbidden:
    case Errc::kRefused:
      return ErrorClass::kRefused;
    case Errc::kNotFound:
    case Errc::kGone:
      return ErrorClass::kNotFound;
    case Errc::kConflict:
      return ErrorClass::kConflict;
    case Errc::kOverloaded:
    case Errc::kNoSpace:
      return ErrorClass::kOverload;
    case Errc::kUnavailable:
    case Errc::kTimeout:
    case Errc::kDisconnected:
    case Errc::kIo:
    case Errc::kUnknownOutcome:
      return ErrorClass::kTransient;
    case Errc::kCorrupt:
    case Errc::kUnsupported:
      return ErrorClass::kCorrupt;
    case Errc::kInternal:
      return ErrorClass::kInternal;
  }
  return ErrorClass::kInternal;
}

std::string_view errc_name(Errc code) {
  switch (code) {
    case Errc::kInvalid:
      return "invalid";
    case Errc::kTooLarge:
      return "too_large";
    case Errc::kUnauthorized:
      return "unauthorized";
    case Errc::kForbidden:
      return "forbidden";
    case Errc::kNotFound:
      return "not_found";
    case Errc::kConflict:
      return "conflict";
    case Errc::kGone:
      return "gone";
    case Errc::kOverloaded:
      return "overloaded";
    case Errc::kNoSpace:
      return "no_space";
    case Errc::kUnavailable:
      return "unavailable";
    case Errc::kTimeout:
      return "timeout";
    case Errc::kDisconnected:
      return "disconnected";
    case Errc::kRefused:
      return "refused";
    case Errc::kIo:
      return "io";
    case Errc::kCorrupt:
      return "corrupt";
    case Errc::kUnknownOutcome:
      return "unknown_outcome";
    case Errc::kUnsupported:
      return "unsupported";
    case Errc::kInternal:
      return "internal";
  }
  return "internal";
}

}  // namespace posthorn

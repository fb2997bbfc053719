// The table of system errors.
#include "io/linux/os_error.h"

#include <cerrno>
#include <cstring>

namespace posthorn::io {

Errc os_errc(int error_number) {
  switch (error_number) {
    case ENOENT:
    case ENOTDIR:
      return Errc::kNotFound;
    case EEXIST:
    case EADDRINUSE:
      return Errc::kConflict;
    case EACCES:
    case EPERM:
    case EROFS:
      return Errc::kForbidden;
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
      return Errc::kNoSpace;
    case ECONNREFUSED:
      return Errc::kRefused;
    case ECONNRESET:
    case ECONNABORTED:
    case EPIPE:
    case ENOTCONN:
      return Errc::kDisconnected;
    case ETIMEDOUT:
      return Errc::kTimeout;
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM:
      return Errc::kOverloaded;
    case EINVAL:
    case EADDRNOTAVAIL:
    case EAFNOSUPPORT:
      return Errc::kInvalid;
    default:
      return Errc::kIo;
  }
}

Error os_error(int error_number, std::string_view doing, std::string_view object) {
  std::string message(doing);
  if (!object.empty()) message.append(" ").append(object);
  const char* text = strerrordesc_np(error_number);  // thread-safe, unlike strerror
  message.append(": ").append(text != nullptr ? text : "unknown error");
  return error(os_errc(error_number), std::move(message));
}

}  // namespace posthorn::io

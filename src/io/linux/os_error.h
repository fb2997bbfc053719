// Turns an errno into an Error: the one table of system errors of the Linux form.
#pragma once
#include <string>
#include <string_view>

#include "base/result.h"

namespace posthorn::io {

// "open /data/log: No such file or directory".
Error os_error(int error_number, std::string_view doing, std::string_view object = {});
Errc os_errc(int error_number);

}  // namespace posthorn::io

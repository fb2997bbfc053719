// Any text as a time: what is accepted must survive being written and read again.
#include "wire/time_text.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace posthorn;  // NOLINT
  const ByteView input(reinterpret_cast<const char*>(data), size);
  const auto time = wire::parse_rfc3339(input);
  if (time && wire::parse_rfc3339(wire::rfc3339(*time)) != time) __builtin_trap();
  if (const auto date = wire::parse_http_date(input)) {
    std::string again;
    wire::append_http_date(again, *date);
    if (wire::parse_http_date(again) != date) __builtin_trap();
  }
  return 0;
}

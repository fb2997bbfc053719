// Any text as base64: what decodes must encode to the same text again.
#include "wire/base64.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace posthorn::wire;  // NOLINT
  const posthorn::ByteView input(reinterpret_cast<const char*>(data), size);
  std::string again;
  if (const auto bytes = decode_base64(input)) {
    append_base64(again, *bytes);
    if (again != input) __builtin_trap();
  }
  again.clear();
  if (const auto bytes = decode_base64url(input)) {
    append_base64url(again, *bytes);
    if (again != input) __builtin_trap();
  }
  return 0;
}

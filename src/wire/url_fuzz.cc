// Any text as a URL: what is accepted must be stable when put together again, and its parts must be
// safe to write into a request.
#include "wire/http1.h"
#include "wire/url.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace posthorn;  // NOLINT
  const ByteView input(reinterpret_cast<const char*>(data), size);
  (void)wire::percent_decode(input, size % 2 == 0);
  const auto url = wire::parse_url(input);
  if (!url.ok()) return 0;
  if (!wire::is_header_value(url->target) || url->target.find(' ') != std::string::npos) {
    __builtin_trap();
  }
  if (url->host.empty() || url->port == 0 || url->target[0] != '/') __builtin_trap();
  if (url->host.find_first_of("@/?#\\ %") != std::string::npos) __builtin_trap();
  const std::string text = (url->https ? "https://" : "http://") + url->authority() + url->target;
  const auto again = wire::parse_url(text);
  if (text.size() > wire::kUrlBytesMax) return 0;
  if (!again.ok() || again->host != url->host || again->port != url->port ||
      again->target != url->target || again->address != url->address) {
    __builtin_trap();
  }
  return 0;
}

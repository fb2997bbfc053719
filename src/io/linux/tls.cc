// TLS; not there yet.
#include "io/linux/tls.h"
namespace posthorn::io {
Result<std::unique_ptr<Tls>> make_linux_tls(Loop&, const TlsClientOptions&,
                                            const TlsServerOptions&) {
  return error(Errc::kUnsupported, "no TLS in this build");
}
}  // namespace posthorn::io

// TLS with OpenSSL over any stream. Made by the host.
#pragma once
#include <memory>

#include "io/loop.h"
#include "io/tls.h"

namespace posthorn::io {

// `loop` must outlive it. An error names the file that could not be used.
Result<std::unique_ptr<Tls>> make_linux_tls(Loop& loop, const TlsClientOptions& client,
                                            const TlsServerOptions& server);

}  // namespace posthorn::io

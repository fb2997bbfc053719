// A handshake over a stream, and the encrypted stream that comes of it.
#pragma once
#include <memory>

#include "io/linux/tls_channel.h"
#include "io/loop.h"
#include "io/tls.h"

namespace posthorn::io {

// Begins a handshake at once; its errors come by the callback, too.
std::unique_ptr<TlsHandshake> start_handshake(Loop& loop, std::unique_ptr<Stream> under,
                                              std::unique_ptr<TlsChannel> channel,
                                              Tls::OnStream on_stream);

}  // namespace posthorn::io

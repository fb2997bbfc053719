// TLS over any Stream (OpenSSL with memory buffers in the real form, a plain hand-over with a
// scripted verdict in the simulated one). Used on one loop's thread.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "base/function.h"
#include "base/result.h"
#include "io/net.h"

namespace posthorn::io {

struct TlsClientOptions {
  std::string ca_file;  // trusted besides the system's store; empty: the system's store only
  std::vector<std::string> extra_ca_pem;
};

struct TlsServerOptions {
  std::string certificate_file;  // PEM chain
  std::string key_file;          // PEM
};

// A handshake under way; destroying it cancels it and closes the connection.
class TlsHandshake {
 public:
  virtual ~TlsHandshake() = default;
};

// TLS 1.2 or newer; chain and host name are always verified on the client side; there is no
// switch to turn that off.
class Tls {
 public:
  using OnStream = UniqueFunction<void(Result<std::unique_ptr<Stream>>)>;
  virtual ~Tls() = default;

  // `server_name` is the host of the URL: sent as SNI unless it is an IP address, and verified.
  // An error names what failed: expired, wrong host, untrusted, protocol.
  virtual std::unique_ptr<TlsHandshake> connect(std::unique_ptr<Stream> under,
                                                const std::string& server_name,
                                                OnStream on_stream) = 0;
  // Needs server options; kUnavailable without.
  virtual std::unique_ptr<TlsHandshake> accept(std::unique_ptr<Stream> under,
                                               OnStream on_stream) = 0;
};

}  // namespace posthorn::io

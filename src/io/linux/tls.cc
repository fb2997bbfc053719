// TLS of the machine: one client and at most one server configuration, and the sessions.
#include "io/linux/tls.h"

#include "io/linux/tls_context.h"
#include "io/linux/tls_stream.h"

namespace posthorn::io {
namespace {

class LinuxTls final : public Tls {
 public:
  LinuxTls(Loop& loop, TlsContext client, TlsContext server)
      : loop_(loop), client_(std::move(client)), server_(std::move(server)) {}

  std::unique_ptr<TlsHandshake> connect(std::unique_ptr<Stream> under,
                                        const std::string& server_name,
                                        OnStream on_stream) override {
    return start_handshake(loop_, std::move(under),
                           std::make_unique<TlsChannel>(client_.get(), TlsChannel::Role::kClient,
                                                        server_name, sessions_),
                           std::move(on_stream));
  }

  std::unique_ptr<TlsHandshake> accept(std::unique_ptr<Stream> under, OnStream on_stream) override {
    if (!server_) return refuse(std::move(on_stream));
    return start_handshake(
        loop_, std::move(under),
        std::make_unique<TlsChannel>(server_.get(), TlsChannel::Role::kServer, "", nullptr),
        std::move(on_stream));
  }

 private:
  // Answers later unless the handshake is destroyed first.
  class Refused final : public TlsHandshake {
   public:
    explicit Refused(std::shared_ptr<OnStream> on_stream) : on_stream_(std::move(on_stream)) {}
    Refused(const Refused&) = delete;
    Refused& operator=(const Refused&) = delete;
    ~Refused() override { *on_stream_ = nullptr; }

   private:
    const std::shared_ptr<OnStream> on_stream_;
  };

  std::unique_ptr<TlsHandshake> refuse(OnStream on_stream) {
    auto waiting = std::make_shared<OnStream>(std::move(on_stream));
    loop_.post([waiting] {
      OnStream now = std::exchange(*waiting, nullptr);
      if (now) now(error(Errc::kUnavailable, "TLS: no certificate is configured"));
    });
    return std::make_unique<Refused>(std::move(waiting));
  }

  Loop& loop_;
  const TlsContext client_;
  const TlsContext server_;  // null without a certificate
  const std::shared_ptr<TlsSessions> sessions_ = std::make_shared<TlsSessions>();
};

}  // namespace

Result<std::unique_ptr<Tls>> make_linux_tls(Loop& loop, const TlsClientOptions& client,
                                            const TlsServerOptions& server) {
  PH_ASSIGN(TlsContext client_context, make_client_context(client));
  TlsContext server_context;
  if (!server.certificate_file.empty()) {
    PH_ASSIGN(server_context, make_server_context(server));
  }
  return std::unique_ptr<Tls>(
      std::make_unique<LinuxTls>(loop, std::move(client_context), std::move(server_context)));
}

}  // namespace posthorn::io

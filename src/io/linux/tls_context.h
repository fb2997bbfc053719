// Certificates, trust and remembered sessions: what the connections of one Tls share.
#pragma once
#include <memory>
#include <string>

#include "base/result.h"
#include "io/tls.h"

struct ssl_st;
struct ssl_ctx_st;
struct ssl_session_st;

namespace posthorn::io {

struct FreeTlsContext {
  void operator()(ssl_ctx_st* context) const;
};
using TlsContext = std::unique_ptr<ssl_ctx_st, FreeTlsContext>;

Result<TlsContext> make_client_context(const TlsClientOptions& options);
Result<TlsContext> make_server_context(const TlsServerOptions& options);

// The newest session of each server name, so that a reconnect needs no full handshake. Bounded;
// the oldest name goes first. A session counts for the name for which it was verified.
class TlsSessions {
 public:
  static constexpr size_t kNamesMax = 512;

  TlsSessions();
  TlsSessions(const TlsSessions&) = delete;
  TlsSessions& operator=(const TlsSessions&) = delete;
  ~TlsSessions();
  // Makes the sessions of a context's connections come here; the context's connections are
  // TlsChannels with these sessions.
  static void collect(ssl_ctx_st* context);
  // Offers the remembered session of this name, if there is one.
  void offer(ssl_st* ssl, const std::string& server_name);

 private:
  static int on_new_session(ssl_st* ssl, ssl_session_st* session);
  struct State;
  const std::unique_ptr<State> state_;
};

// The newest message of OpenSSL's error queue, which is then empty.
std::string tls_library_error();

}  // namespace posthorn::io

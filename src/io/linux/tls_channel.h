// The TLS state of one connection without its socket: ciphertext in and out as bytes. The only
// files that call OpenSSL's SSL functions are tls_channel.cc and tls_context.cc.
#pragma once
#include <memory>
#include <span>
#include <string>

#include "base/bytes.h"
#include "base/result.h"

struct ssl_st;
struct ssl_ctx_st;

namespace posthorn::io {

class TlsSessions;

class TlsChannel {
 public:
  enum class Role : uint8_t { kClient, kServer };

  // `sessions` may be null. `server_name` is verified (client only).
  TlsChannel(ssl_ctx_st* context, Role role, const std::string& server_name,
             std::shared_ptr<TlsSessions> sessions);
  ~TlsChannel();
  TlsChannel(const TlsChannel&) = delete;
  TlsChannel& operator=(const TlsChannel&) = delete;

  // Ciphertext that arrived.
  void feed(ByteView ciphertext);
  // Goes on with the handshake: true when it is done, false when it needs more ciphertext.
  Result<bool> handshake();

  struct Decrypted {
    size_t bytes = 0;
    bool ended = false;  // the peer said that it will send no more
  };
  // What can be decrypted now; no bytes and not ended: more ciphertext is needed.
  Result<Decrypted> decrypt(std::span<char> into);
  Status encrypt(std::span<const ByteView> parts);
  // Says to the peer that we end.
  void end();

  // Ciphertext to be sent; stays until sent() or until more is made.
  ByteView output() const;
  void sent();

  bool resumed() const;

 private:
  void expect_server();
  Status encrypt_bytes(ByteView bytes);
  Error failure(int result) const;

  struct Free {
    void operator()(ssl_st* ssl) const;
  };
  std::unique_ptr<ssl_st, Free> ssl_;
  const std::string server_name_;
  const std::shared_ptr<TlsSessions> sessions_;
  bool failed_ = false;
  friend class TlsSessions;
};

}  // namespace posthorn::io

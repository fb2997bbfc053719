// Certificates, trust and remembered sessions.
#include "io/linux/tls_context.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

#include <list>
#include <unordered_map>

#include "io/linux/tls_channel.h"

namespace posthorn::io {
namespace {

struct FreeSession {
  void operator()(SSL_SESSION* session) const { SSL_SESSION_free(session); }
};
struct FreeBio {
  void operator()(BIO* bio) const { BIO_free(bio); }
};
struct FreeCertificate {
  void operator()(X509* certificate) const { X509_free(certificate); }
};

Error bad_file(const std::string& what, const std::string& path) {
  return error(Errc::kInvalid, what + " " + path + ": " + tls_library_error());
}

Result<TlsContext> make_context(const SSL_METHOD* method) {
  TlsContext context(SSL_CTX_new(method));
  if (!context) return error(Errc::kInternal, "TLS context: " + tls_library_error());
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  SSL_CTX_set_options(context.get(), SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  // Idle connections give their record buffers back.
  SSL_CTX_set_mode(context.get(), SSL_MODE_RELEASE_BUFFERS);
  return context;
}

// All certificates of a PEM text.
Status trust_pem(ssl_ctx_st* context, const std::string& pem) {
  const std::unique_ptr<BIO, FreeBio> text(
      BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  X509_STORE* store = SSL_CTX_get_cert_store(context);
  size_t count = 0;
  while (true) {
    const std::unique_ptr<X509, FreeCertificate> certificate(
        PEM_read_bio_X509(text.get(), nullptr, nullptr, nullptr));
    if (!certificate) break;
    if (X509_STORE_add_cert(store, certificate.get()) != 1) {
      return error(Errc::kInvalid, "trusted certificate: " + tls_library_error());
    }
    ++count;
  }
  ERR_clear_error();  // the end of the text counts as an error
  if (count == 0) return error(Errc::kInvalid, "no certificate in the PEM text");
  return {};
}

}  // namespace

void FreeTlsContext::operator()(ssl_ctx_st* context) const { SSL_CTX_free(context); }

std::string tls_library_error() {
  // What the system said comes first, and says more than what OpenSSL made of it.
  const unsigned long first = ERR_peek_error();
  const unsigned long code = ERR_SYSTEM_ERROR(first) ? first : ERR_peek_last_error();
  ERR_clear_error();
  if (code == 0) return "unknown TLS error";
  if (ERR_SYSTEM_ERROR(code)) {
    const char* text = strerrordesc_np(ERR_GET_REASON(code));
    return text != nullptr ? text : "unknown system error";
  }
  const char* text = ERR_reason_error_string(code);
  return text != nullptr ? text : "unknown TLS error";
}

Result<TlsContext> make_client_context(const TlsClientOptions& options) {
  PH_ASSIGN(TlsContext context, make_context(TLS_client_method()));
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
  if (SSL_CTX_set_default_verify_paths(context.get()) != 1) {
    return error(Errc::kInternal, "the system's trusted certificates: " + tls_library_error());
  }
  if (!options.ca_file.empty() &&
      SSL_CTX_load_verify_locations(context.get(), options.ca_file.c_str(), nullptr) != 1) {
    return bad_file("trusted certificates", options.ca_file);
  }
  for (const std::string& pem : options.extra_ca_pem) PH_TRY(trust_pem(context.get(), pem));
  TlsSessions::collect(context.get());
  return context;
}

Result<TlsContext> make_server_context(const TlsServerOptions& options) {
  PH_ASSIGN(TlsContext context, make_context(TLS_server_method()));
  if (SSL_CTX_use_certificate_chain_file(context.get(), options.certificate_file.c_str()) != 1) {
    return bad_file("certificate", options.certificate_file);
  }
  if (SSL_CTX_use_PrivateKey_file(context.get(), options.key_file.c_str(), SSL_FILETYPE_PEM) != 1 ||
      SSL_CTX_check_private_key(context.get()) != 1) {
    return bad_file("private key", options.key_file);
  }
  static constexpr unsigned char kName[] = "posthorn";
  SSL_CTX_set_session_id_context(context.get(), kName, sizeof kName - 1);
  return context;
}

struct TlsSessions::State {
  struct Entry {
    std::unique_ptr<SSL_SESSION, FreeSession> session;
    std::list<std::string>::iterator age;
  };
  std::unordered_map<std::string, Entry> by_name;
  std::list<std::string> by_age;  // the oldest first
};

TlsSessions::TlsSessions() : state_(std::make_unique<State>()) {}
TlsSessions::~TlsSessions() = default;

void TlsSessions::collect(ssl_ctx_st* context) {
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_sess_set_new_cb(context, &TlsSessions::on_new_session);
}

int TlsSessions::on_new_session(ssl_st* ssl, ssl_session_st* session) {
  const auto* channel = static_cast<const TlsChannel*>(SSL_get_app_data(ssl));
  if (channel == nullptr || !channel->sessions_) return 0;
  State& state = *channel->sessions_->state_;
  const std::string& name = channel->server_name_;
  if (const auto old = state.by_name.find(name); old != state.by_name.end()) {
    state.by_age.erase(old->second.age);
    state.by_name.erase(old);
  } else if (state.by_name.size() >= kNamesMax) {
    state.by_name.erase(state.by_age.front());
    state.by_age.pop_front();
  }
  const auto age = state.by_age.insert(state.by_age.end(), name);
  state.by_name[name] = {std::unique_ptr<SSL_SESSION, FreeSession>(session), age};
  return 1;  // the session is ours now
}

void TlsSessions::offer(ssl_st* ssl, const std::string& server_name) {
  const auto at = state_->by_name.find(server_name);
  if (at != state_->by_name.end()) SSL_set_session(ssl, at->second.session.get());
}

}  // namespace posthorn::io

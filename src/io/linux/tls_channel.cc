// One connection's TLS on memory buffers.
#include "io/linux/tls_channel.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <algorithm>

#include "base/ip.h"
#include "io/linux/tls_context.h"

namespace posthorn::io {
namespace {

// Parts that fit one record are gathered into it: a header and a small body cost one.
constexpr size_t kRecordBytes = 16 * 1024;

std::string verification_error(long code) {
  switch (code) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
      return "certificate expired";
    case X509_V_ERR_CERT_NOT_YET_VALID:
      return "certificate not yet valid";
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
      return "certificate is for another host (wrong host)";
    default:
      return std::string("certificate untrusted: ") + X509_verify_cert_error_string(code);
  }
}

}  // namespace

void TlsChannel::Free::operator()(ssl_st* ssl) const { SSL_free(ssl); }

TlsChannel::TlsChannel(ssl_ctx_st* context, Role role, const std::string& server_name,
                       std::shared_ptr<TlsSessions> sessions)
    : ssl_(SSL_new(context)), server_name_(server_name), sessions_(std::move(sessions)) {
  CHECK(ssl_ != nullptr, "out of memory for a TLS connection");
  SSL_set_bio(ssl_.get(), BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
  // An empty buffer means "more is to come", not the end.
  BIO_set_mem_eof_return(SSL_get_rbio(ssl_.get()), -1);
  SSL_set_app_data(ssl_.get(), this);
  if (role == Role::kServer) {
    SSL_set_accept_state(ssl_.get());
  } else {
    expect_server();
  }
}

void TlsChannel::expect_server() {
  SSL_set_connect_state(ssl_.get());
  X509_VERIFY_PARAM* verify = SSL_get0_param(ssl_.get());
  X509_VERIFY_PARAM_set_hostflags(verify, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  if (IpAddress::parse(server_name_)) {
    failed_ = X509_VERIFY_PARAM_set1_ip_asc(verify, server_name_.c_str()) != 1;
  } else {
    failed_ = server_name_.empty() ||
              X509_VERIFY_PARAM_set1_host(verify, server_name_.data(), server_name_.size()) != 1 ||
              SSL_set_tlsext_host_name(ssl_.get(), server_name_.c_str()) != 1;
  }
  if (sessions_) sessions_->offer(ssl_.get(), server_name_);
}

TlsChannel::~TlsChannel() {
  SSL_set_app_data(ssl_.get(), nullptr);
  // OpenSSL would make the session of a connection that just went away unusable for the next one.
  if (!failed_) SSL_set_shutdown(ssl_.get(), SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
}

void TlsChannel::feed(ByteView ciphertext) {
  BIO_write(SSL_get_rbio(ssl_.get()), ciphertext.data(), static_cast<int>(ciphertext.size()));
}

Result<bool> TlsChannel::handshake() {
  // Without the name to verify nothing may be sent.
  if (failed_) return error(Errc::kInvalid, "TLS cannot verify the name " + server_name_);
  ERR_clear_error();
  const int result = SSL_do_handshake(ssl_.get());
  if (result == 1) return true;
  if (SSL_get_error(ssl_.get(), result) == SSL_ERROR_WANT_READ) return false;
  failed_ = true;
  return failure(result);
}

Error TlsChannel::failure(int result) const {
  const long verified = SSL_get_verify_result(ssl_.get());
  if (verified != X509_V_OK) {
    ERR_clear_error();
    return error(Errc::kRefused, "TLS: " + verification_error(verified));
  }
  if (SSL_get_error(ssl_.get(), result) == SSL_ERROR_SYSCALL && ERR_peek_last_error() == 0) {
    return error(Errc::kDisconnected, "TLS: the connection ended");
  }
  return error(Errc::kRefused, "TLS protocol: " + tls_library_error());
}

Result<TlsChannel::Decrypted> TlsChannel::decrypt(std::span<char> into) {
  ERR_clear_error();
  size_t bytes = 0;
  const int result = SSL_read_ex(ssl_.get(), into.data(), into.size(), &bytes);
  if (result == 1) return Decrypted{.bytes = bytes};
  const int reason = SSL_get_error(ssl_.get(), result);
  if (reason == SSL_ERROR_WANT_READ) return Decrypted{};
  if (reason == SSL_ERROR_ZERO_RETURN) return Decrypted{.ended = true};
  failed_ = true;
  return failure(result);
}

Status TlsChannel::encrypt(std::span<const ByteView> parts) {
  ERR_clear_error();
  size_t total = 0;
  for (const ByteView part : parts) total += part.size();
  if (parts.size() > 1 && total <= kRecordBytes) {
    std::string record;
    for (const ByteView part : parts) record.append(part);
    return encrypt_bytes(record);
  }
  for (const ByteView part : parts) PH_TRY(encrypt_bytes(part));
  return {};
}

Status TlsChannel::encrypt_bytes(ByteView bytes) {
  size_t wrote = 0;
  if (bytes.empty()) return {};
  const int result = SSL_write_ex(ssl_.get(), bytes.data(), bytes.size(), &wrote);
  if (result == 1) return {};
  failed_ = true;
  return failure(result);
}

void TlsChannel::end() {
  if (!failed_ && SSL_is_init_finished(ssl_.get())) SSL_shutdown(ssl_.get());
  ERR_clear_error();
}

ByteView TlsChannel::output() const {
  char* data = nullptr;
  const long size = BIO_get_mem_data(SSL_get_wbio(ssl_.get()), &data);
  return size > 0 ? ByteView(data, static_cast<size_t>(size)) : ByteView();
}

void TlsChannel::sent() { (void)BIO_reset(SSL_get_wbio(ssl_.get())); }

bool TlsChannel::resumed() const { return SSL_session_reused(ssl_.get()) == 1; }

}  // namespace posthorn::io

// Certificates made with OpenSSL.
#include "io/testing/certificates.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <atomic>

#include "base/check.h"
#include "base/ip.h"

namespace posthorn::io {
namespace {

std::string text_of(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  std::string text(data, static_cast<size_t>(size));
  BIO_free(bio);
  return text;
}

std::string pem_of(X509* certificate) {
  BIO* bio = BIO_new(BIO_s_mem());
  CHECK(PEM_write_bio_X509(bio, certificate) == 1);
  return text_of(bio);
}

std::string pem_of(EVP_PKEY* key) {
  BIO* bio = BIO_new(BIO_s_mem());
  CHECK(PEM_write_bio_PrivateKey(bio, key, nullptr, nullptr, 0, nullptr, nullptr) == 1);
  return text_of(bio);
}

void add_extension(X509* to, int kind, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, to, to, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, kind, value.c_str());
  CHECK(extension != nullptr && X509_add_ext(to, extension, -1) == 1, "{}", value);
  X509_EXTENSION_free(extension);
}

// Not signed yet.
X509* make_certificate(const std::string& name, EVP_PKEY* key, seconds begins, seconds ends) {
  static std::atomic<long> serial = 1;
  X509* made = X509_new();
  X509_set_version(made, X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(made), serial++);
  X509_gmtime_adj(X509_getm_notBefore(made), begins.count());
  X509_gmtime_adj(X509_getm_notAfter(made), ends.count());
  X509_set_pubkey(made, key);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(made), "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
  return made;
}

}  // namespace

TestAuthority::TestAuthority()
    : key_(EVP_EC_gen("P-256")),
      certificate_(make_certificate("Test Authority", key_, seconds{-3600}, seconds{864'000})) {
  X509_set_issuer_name(certificate_, X509_get_subject_name(certificate_));
  add_extension(certificate_, NID_basic_constraints, "critical,CA:TRUE");
  CHECK(X509_sign(certificate_, key_, EVP_sha256()) > 0);
  pem_ = pem_of(certificate_);
}

TestAuthority::~TestAuthority() {
  X509_free(certificate_);
  EVP_PKEY_free(key_);
}

IssuedCertificate TestAuthority::issue(const CertificateRequest& request) {
  EVP_PKEY* key = EVP_EC_gen("P-256");
  X509* made = make_certificate(request.host, key, request.begins, request.ends);
  const bool address = IpAddress::parse(request.host).has_value();
  add_extension(made, NID_subject_alt_name, (address ? "IP:" : "DNS:") + request.host);
  X509_set_issuer_name(made, X509_get_subject_name(request.self_signed ? made : certificate_));
  CHECK(X509_sign(made, request.self_signed ? key : key_, EVP_sha256()) > 0);
  IssuedCertificate issued{pem_of(made), pem_of(key)};
  X509_free(made);
  EVP_PKEY_free(key);
  return issued;
}

}  // namespace posthorn::io

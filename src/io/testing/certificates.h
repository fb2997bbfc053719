// A certificate authority for tests: issues certificates that are good, expired, or for any host.
#pragma once
#include <memory>
#include <string>

#include "base/units.h"

struct evp_pkey_st;
struct x509_st;

namespace posthorn::io {

struct CertificateRequest {
  std::string host = "hooks.example";  // a name or an IP address
  seconds begins{-3600};               // from now
  seconds ends{24 * 3600};
  bool self_signed = false;
};

struct IssuedCertificate {
  std::string certificate_pem;
  std::string key_pem;
};

class TestAuthority {
 public:
  TestAuthority();
  TestAuthority(const TestAuthority&) = delete;
  TestAuthority& operator=(const TestAuthority&) = delete;
  ~TestAuthority();
  // What clients must trust.
  const std::string& certificate_pem() const { return pem_; }
  IssuedCertificate issue(const CertificateRequest& request);

 private:
  evp_pkey_st* const key_;
  x509_st* const certificate_;
  std::string pem_;
};

}  // namespace posthorn::io

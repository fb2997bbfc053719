// SHA-256 by OpenSSL, which uses the processor's instructions. The algorithm is fetched once: the
// convenience calls look it up each time, which costs more than hashing a short text.
#include "wire/sha256.h"

#include <openssl/evp.h>

#include <memory>

#include "base/check.h"

namespace posthorn::wire {

Sha256 sha256(std::initializer_list<ByteView> parts) {
  static EVP_MD* const kAlgorithm = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  struct Free {
    void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
  };
  // One context per thread, because making one costs as much as hashing a short text.
  thread_local std::unique_ptr<EVP_MD_CTX, Free> context(EVP_MD_CTX_new());
  CHECK(EVP_DigestInit_ex2(context.get(), kAlgorithm, nullptr) == 1, "SHA-256 is not available");
  for (const ByteView part : parts) {
    CHECK(EVP_DigestUpdate(context.get(), part.data(), part.size()) == 1, "SHA-256 failed");
  }
  Sha256 digest;
  CHECK(EVP_DigestFinal_ex(context.get(), digest.data(), nullptr) == 1, "SHA-256 failed");
  return digest;
}

}  // namespace posthorn::wire

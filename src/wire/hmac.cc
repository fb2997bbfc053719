// HMAC by hand over OpenSSL's SHA-256: two more blocks a signature, and neither a look-up of the
// algorithm nor a context per key.
#include "wire/hmac.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <memory>

#include "base/check.h"

namespace posthorn::wire {
namespace {

using Digest = std::array<uint8_t, 32>;
using Block = std::array<uint8_t, 64>;
constexpr uint8_t kInner = 0x36;
constexpr uint8_t kOuter = 0x5C;

class Hash {
 public:
  Hash() : context_(EVP_MD_CTX_new()) {}
  void begin() {
    static EVP_MD* const kAlgorithm = EVP_MD_fetch(nullptr, "SHA256", nullptr);
    CHECK(EVP_DigestInit_ex2(context_.get(), kAlgorithm, nullptr) == 1, "SHA-256 is not available");
  }
  void add(const void* bytes, size_t size) {
    CHECK(EVP_DigestUpdate(context_.get(), bytes, size) == 1, "SHA-256 failed");
  }
  Digest end() {
    Digest digest;
    CHECK(EVP_DigestFinal_ex(context_.get(), digest.data(), nullptr) == 1, "SHA-256 failed");
    return digest;
  }

 private:
  struct Free {
    void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
  };
  std::unique_ptr<EVP_MD_CTX, Free> context_;
};

// One context per thread: making one costs more than a short hash.
Hash& hash() {
  thread_local Hash mine;
  return mine;
}

void begin_padded(const Block& key, uint8_t pad) {
  Block padded;
  for (size_t i = 0; i < key.size(); ++i) padded[i] = key[i] ^ pad;
  hash().begin();
  hash().add(padded.data(), padded.size());
  OPENSSL_cleanse(padded.data(), padded.size());
}

}  // namespace

HmacKey::HmacKey(ByteView secret) {
  if (secret.size() <= block_.size()) {
    std::copy(secret.begin(), secret.end(), block_.begin());
    return;
  }
  hash().begin();
  hash().add(secret.data(), secret.size());
  const Digest digest = hash().end();
  std::copy(digest.begin(), digest.end(), block_.begin());
}

HmacKey::~HmacKey() { OPENSSL_cleanse(block_.data(), block_.size()); }

Digest HmacKey::sign(std::initializer_list<ByteView> parts) const {
  begin_padded(block_, kInner);
  for (const ByteView part : parts) hash().add(part.data(), part.size());
  const Digest inner = hash().end();
  begin_padded(block_, kOuter);
  hash().add(inner.data(), inner.size());
  return hash().end();
}

bool equal_secrets(ByteView a, ByteView b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace posthorn::wire

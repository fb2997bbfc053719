// HMAC by hand over OpenSSL's SHA-256. A key is the state behind its padded block, twice, so a
// signature hashes two blocks less. The functions are those that OpenSSL 3 calls low-level and
// deprecates: the ones it recommends cannot be resumed from a state without an allocation, and cost
// as much again as hashing 200 bytes.
#define OPENSSL_SUPPRESS_DEPRECATED
#include "wire/hmac.h"

#include <openssl/crypto.h>
#include <openssl/sha.h>

#include <algorithm>

#include "base/check.h"

namespace posthorn::wire {
namespace {

using Digest = std::array<uint8_t, SHA256_DIGEST_LENGTH>;
using Block = std::array<uint8_t, SHA256_CBLOCK>;
constexpr uint8_t kInner = 0x36;
constexpr uint8_t kOuter = 0x5C;

void add(SHA256_CTX& hash, const void* bytes, size_t size) {
  CHECK(SHA256_Update(&hash, bytes, size) == 1, "SHA-256 failed");
}

Digest end(SHA256_CTX& hash) {
  Digest digest;
  CHECK(SHA256_Final(digest.data(), &hash) == 1, "SHA-256 failed");
  return digest;
}

SHA256_CTX fresh() {
  SHA256_CTX hash;
  CHECK(SHA256_Init(&hash) == 1, "SHA-256 is not available");
  return hash;
}

HmacKey::State behind_block(Block block, uint8_t pad) {
  for (uint8_t& byte : block) byte ^= pad;
  SHA256_CTX hash = fresh();
  add(hash, block.data(), block.size());
  HmacKey::State state;
  std::copy(std::begin(hash.h), std::end(hash.h), state.begin());
  OPENSSL_cleanse(block.data(), block.size());
  OPENSSL_cleanse(&hash, sizeof hash);
  return state;
}

SHA256_CTX resume(const HmacKey::State& state) {
  SHA256_CTX hash = fresh();
  std::copy(state.begin(), state.end(), std::begin(hash.h));
  hash.Nl = SHA256_CBLOCK * 8;  // bits so far
  return hash;
}

}  // namespace

HmacKey::HmacKey(ByteView secret) {
  Block block{};
  if (secret.size() <= block.size()) {
    std::copy(secret.begin(), secret.end(), block.begin());
  } else {
    SHA256_CTX hash = fresh();
    add(hash, secret.data(), secret.size());
    const Digest digest = end(hash);
    std::copy(digest.begin(), digest.end(), block.begin());
  }
  inner_ = behind_block(block, kInner);
  outer_ = behind_block(block, kOuter);
  OPENSSL_cleanse(block.data(), block.size());
}

HmacKey::~HmacKey() {
  OPENSSL_cleanse(inner_.data(), sizeof inner_);
  OPENSSL_cleanse(outer_.data(), sizeof outer_);
}

Digest HmacKey::sign(std::initializer_list<ByteView> parts) const {
  SHA256_CTX inner = resume(inner_);
  for (const ByteView part : parts) add(inner, part.data(), part.size());
  const Digest digest = end(inner);
  SHA256_CTX outer = resume(outer_);
  add(outer, digest.data(), digest.size());
  return end(outer);
}

bool equal_secrets(ByteView a, ByteView b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace posthorn::wire

// HMAC-SHA256 for the floor program.
#include "floor_sign.h"

#include <openssl/core_names.h>

#include <array>

#include "die.h"

namespace posthorn::bench {
namespace {

constexpr size_t kDigestBytes = 32;
constexpr size_t kBase64Bytes = 44;

const unsigned char* as_bytes(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

}  // namespace

FloorSigner::FloorSigner(std::string_view key)
    : algorithm_(EVP_MAC_fetch(nullptr, "HMAC", nullptr)), context_(EVP_MAC_CTX_new(algorithm_)) {
  char digest[] = "SHA256";
  const OSSL_PARAM parameters[] = {
      OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
      OSSL_PARAM_construct_end()};
  if (EVP_MAC_init(context_, as_bytes(key), key.size(), parameters) != 1) die("HMAC has no SHA256");
}

FloorSigner::~FloorSigner() {
  EVP_MAC_CTX_free(context_);
  EVP_MAC_free(algorithm_);
}

void FloorSigner::append_signature(std::string_view id, std::string_view timestamp,
                                   std::string_view body, std::string* out) {
  std::array<unsigned char, kDigestBytes> digest;
  std::array<unsigned char, kBase64Bytes + 1> text;
  std::array<char, 64> prefix;
  if (id.size() + timestamp.size() + 2 > prefix.size()) die("a message id is too long");
  size_t used = id.copy(prefix.data(), id.size());
  prefix[used++] = '.';
  used += timestamp.copy(prefix.data() + used, timestamp.size());
  prefix[used++] = '.';
  size_t digest_bytes = 0;
  // No key: the context keeps the one it was made with and starts over.
  const bool done = EVP_MAC_init(context_, nullptr, 0, nullptr) == 1 &&
                    EVP_MAC_update(context_, as_bytes({prefix.data(), used}), used) == 1 &&
                    EVP_MAC_update(context_, as_bytes(body), body.size()) == 1 &&
                    EVP_MAC_final(context_, digest.data(), &digest_bytes, digest.size()) == 1;
  if (!done) die("HMAC failed");
  EVP_EncodeBlock(text.data(), digest.data(), kDigestBytes);
  out->append("v1,").append(reinterpret_cast<const char*>(text.data()), kBase64Bytes);
}

}  // namespace posthorn::bench

#include "catalog/secrets.h"

#include <sodium.h>

#include <array>
#include <span>

#include "wire/base64.h"
#include "wire/signature.h"

namespace posthorn::catalog {
namespace {

constexpr std::string_view kHmacPrefix = "whsec_";
constexpr std::string_view kEd25519Prefix = "whsk_";
constexpr size_t kGeneratedBytes = 24;

using KeyPair = std::array<uint8_t, crypto_sign_SECRETKEYBYTES>;  // seed, then public key

std::string base64(std::span<const uint8_t> bytes) {
  std::string text;
  wire::append_base64(text, {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  return text;
}

KeyPair key_pair(std::span<const uint8_t> seed) {
  KeyPair pair;
  std::array<uint8_t, crypto_sign_PUBLICKEYBYTES> public_key;
  crypto_sign_seed_keypair(public_key.data(), pair.data(), seed.data());
  return pair;
}

}  // namespace

std::string generate_secret(SecretType type, io::Entropy& entropy) {
  std::array<uint8_t, crypto_sign_SEEDBYTES> random;
  entropy.fill(random);
  std::string text;
  if (type == SecretType::kEd25519) {
    KeyPair pair = key_pair(random);
    text = std::string(kEd25519Prefix) + base64(pair);
    sodium_memzero(pair.data(), pair.size());
  } else {
    text = std::string(kHmacPrefix) + base64(std::span(random).first(kGeneratedBytes));
  }
  sodium_memzero(random.data(), random.size());
  return text;
}

Result<std::string> check_secret(std::string_view secret) {
  PH_TRY(wire::SigningKey::parse(secret).context("secret"));
  const bool prefixed = secret.starts_with(kHmacPrefix) || secret.starts_with(kEd25519Prefix);
  return prefixed ? std::string(secret) : std::string(kHmacPrefix) + std::string(secret);
}

}  // namespace posthorn::catalog

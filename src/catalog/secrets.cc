// Making signing secrets (libsodium for the Ed25519 pair) and judging given ones.
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
constexpr size_t kHmacBytesMin = 24;

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
  if (secret.starts_with(kEd25519Prefix)) return std::string(secret);
  std::string_view digits = secret;
  if (digits.starts_with(kHmacPrefix)) digits.remove_prefix(kHmacPrefix.size());
  // A key that only verifies may be shorter; one that is to sign from now on may not.
  auto bytes = wire::decode_base64(digits);
  const bool enough = bytes && bytes->size() >= kHmacBytesMin;
  if (bytes) sodium_memzero(bytes->data(), bytes->size());
  if (!enough) {
    return error(Errc::kInvalid, "secret: whsec_ must be followed by the base64 of 24 to 75 bytes");
  }
  return std::string(kHmacPrefix) + std::string(digits);
}

}  // namespace posthorn::catalog

#include "catalog/secrets.h"

#include <sodium.h>

#include <array>
#include <span>

namespace posthorn::catalog {
namespace {

constexpr std::string_view kHmacPrefix = "whsec_";
constexpr std::string_view kEd25519Prefix = "whsk_";
constexpr size_t kGeneratedBytes = 24;
constexpr size_t kHmacBytesMin = 24;
constexpr size_t kHmacBytesMax = 75;

using KeyPair = std::array<uint8_t, crypto_sign_SECRETKEYBYTES>;  // seed, then public key

std::string base64(std::span<const uint8_t> bytes) {
  std::string text(sodium_base64_encoded_len(bytes.size(), sodium_base64_VARIANT_ORIGINAL), '\0');
  sodium_bin2base64(text.data(), text.size(), bytes.data(), bytes.size(),
                    sodium_base64_VARIANT_ORIGINAL);
  text.pop_back();  // the terminating zero
  return text;
}

// How many bytes `text` decodes to into `into`; nothing when it is not base64 or does not fit.
std::optional<size_t> from_base64(std::string_view text, std::span<uint8_t> into) {
  size_t bytes = 0;
  const char* end = nullptr;
  const int failed = sodium_base642bin(into.data(), into.size(), text.data(), text.size(), nullptr,
                                       &bytes, &end, sodium_base64_VARIANT_ORIGINAL);
  if (failed != 0 || end != text.data() + text.size()) return std::nullopt;
  return bytes;
}

KeyPair key_pair(std::span<const uint8_t> seed) {
  KeyPair pair;
  std::array<uint8_t, crypto_sign_PUBLICKEYBYTES> public_key;
  crypto_sign_seed_keypair(public_key.data(), pair.data(), seed.data());
  return pair;
}

Error refused(std::string_view why) { return error(Errc::kInvalid, "secret: " + std::string(why)); }

Status check_ed25519(std::string_view digits) {
  KeyPair given{};
  const auto bytes = from_base64(digits, given);
  if (!bytes || *bytes != given.size()) {
    return refused("whsk_ must be followed by the base64 of 64 bytes, seed and public key");
  }
  const KeyPair made = key_pair(std::span(given).first(crypto_sign_SEEDBYTES));
  const bool same = sodium_memcmp(made.data(), given.data(), given.size()) == 0;
  sodium_memzero(given.data(), given.size());
  if (!same) return refused("the public key of whsk_ does not belong to its seed");
  return {};
}

Status check_hmac(std::string_view digits) {
  std::array<uint8_t, kHmacBytesMax> given{};
  const auto bytes = from_base64(digits, given);
  sodium_memzero(given.data(), given.size());
  if (!bytes || *bytes < kHmacBytesMin) {
    return refused("whsec_ must be followed by the base64 of 24 to 75 bytes");
  }
  return {};
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
  if (secret.starts_with(kEd25519Prefix)) {
    PH_TRY(check_ed25519(secret.substr(kEd25519Prefix.size())));
    return std::string(secret);
  }
  const bool prefixed = secret.starts_with(kHmacPrefix);
  PH_TRY(check_hmac(prefixed ? secret.substr(kHmacPrefix.size()) : secret));
  return prefixed ? std::string(secret) : std::string(kHmacPrefix) + std::string(secret);
}

}  // namespace posthorn::catalog

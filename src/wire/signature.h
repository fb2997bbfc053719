// Standard Webhooks signatures: keys from their text, signing and verifying of
// `{id}.{unix seconds}.{body}`. Which keys sign is decided in deliver/.
#pragma once
#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <variant>

#include "base/bytes.h"
#include "base/result.h"
#include "wire/hmac.h"

namespace posthorn::wire {

struct SignedContent {
  ByteView id;
  int64_t timestamp = 0;  // seconds since 1970
  ByteView body;
};

// A signing key ready for use; wiped when destroyed. Any thread may sign with a const one.
class SigningKey {
 public:
  // `whsec_` and the base64 of 1 to 75 bytes (the prefix may be missing): HMAC-SHA256, "v1". That
  // new secrets have at least 24 bytes is a rule of catalog/.
  // `whsk_` and the base64 of seed and public key, 64 bytes: Ed25519, "v1a".
  // kInvalid otherwise; the message never repeats the secret.
  static Result<SigningKey> parse(ByteView secret);

  // Appends "v1,<base64>" or "v1a,<base64>".
  void append_signature(std::string& out, const SignedContent& content) const;
  // "whpk_…" of an Ed25519 key; empty for an HMAC key, which has no public half.
  std::string public_key() const;

 private:
  struct Ed25519 {
    Ed25519() = default;
    Ed25519(const Ed25519&) = default;
    Ed25519& operator=(const Ed25519&) = default;
    ~Ed25519();
    std::array<uint8_t, 64> pair{};  // seed, public key
  };
  explicit SigningKey(std::variant<HmacKey, Ed25519> key) : key_(std::move(key)) {}
  static Result<SigningKey> parse_ed25519(ByteView digits);
  std::variant<HmacKey, Ed25519> key_;
};

// The value of the signature header: one signature per key, separated by spaces. Appends.
void append_signatures(std::string& out, std::span<const SigningKey> keys,
                       const SignedContent& content);

// For receivers: true when one signature of the header is of this key, which is given as `whsec_…`
// or `whpk_…` text. At most 32 signatures are looked at.
bool verify_signature(ByteView header, ByteView key, const SignedContent& content);

}  // namespace posthorn::wire

// Signing secrets as text: whsec_ + base64 of 24 to 75 bytes (HMAC), whsk_ + base64 of the 64
// bytes seed and public key (Ed25519). Used by the rules for endpoints.
#pragma once
#include <string>
#include <string_view>

#include "base/result.h"
#include "catalog/catalog.h"
#include "io/entropy.h"

namespace posthorn::catalog {

// 24 random bytes, or an Ed25519 key pair.
std::string generate_secret(SecretType type, io::Entropy& entropy);

// The secret with its prefix (one without a prefix is taken as whsec_), or kInvalid with
// "secret: what is wrong". The message never repeats the secret.
Result<std::string> check_secret(std::string_view secret);

}  // namespace posthorn::catalog

// Standard Webhooks over HMAC (OpenSSL) and Ed25519 (libsodium, twice as fast there).
#include "wire/signature.h"

#include <sodium.h>

#include <charconv>

#include "wire/base64.h"

namespace posthorn::wire {
namespace {

constexpr ByteView kHmacPrefix = "whsec_";
constexpr ByteView kPairPrefix = "whsk_";
constexpr ByteView kPublicPrefix = "whpk_";
constexpr ByteView kHmacVersion = "v1,";
constexpr ByteView kEd25519Version = "v1a,";
constexpr size_t kHmacBytesMax = 75;
constexpr int kSignaturesMax = 32;

template <size_t kSize>
ByteView view(const std::array<uint8_t, kSize>& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), kSize};
}
const uint8_t* raw(ByteView bytes) { return reinterpret_cast<const uint8_t*>(bytes.data()); }

// The decoded bytes of a secret, wiped when they go.
struct SecretBytes {
  explicit SecretBytes(ByteView text) : bytes(decode_base64(text)) {}
  SecretBytes(const SecretBytes&) = delete;
  SecretBytes& operator=(const SecretBytes&) = delete;
  ~SecretBytes() {
    if (bytes) sodium_memzero(bytes->data(), bytes->size());
  }
  std::optional<std::string> bytes;
};

struct Seconds {
  explicit Seconds(int64_t value) {
    size = static_cast<size_t>(std::to_chars(digits, digits + sizeof digits, value).ptr - digits);
  }
  ByteView text() const { return {digits, size}; }
  char digits[24];
  size_t size;
};

// Ed25519 needs its message in one piece.
std::string joined(const SignedContent& content) {
  std::string text;
  text.reserve(content.id.size() + content.body.size() + 24);
  text.append(content.id).append(".").append(Seconds(content.timestamp).text()).append(".");
  return text.append(content.body);
}

// Ids and times are short, and each part costs as much as hashing some bytes.
std::array<uint8_t, 32> hmac(const HmacKey& key, const SignedContent& content) {
  const Seconds seconds(content.timestamp);
  std::array<char, 96> head;
  if (content.id.size() + seconds.size + 2 > head.size()) {
    return key.sign({content.id, ".", seconds.text(), ".", content.body});
  }
  size_t used = content.id.copy(head.data(), content.id.size());
  head[used++] = '.';
  used += seconds.text().copy(head.data() + used, seconds.size);
  head[used++] = '.';
  return key.sign({{head.data(), used}, content.body});
}

// True when `matches` takes one of the header's signatures of that version.
template <typename Matches>
bool any_signature(ByteView header, ByteView version, const Matches& matches) {
  bool good = false;
  for (int i = 0; i < kSignaturesMax && !header.empty(); ++i) {
    const ByteView one = header.substr(0, header.find(' '));
    header.remove_prefix(std::min(one.size() + 1, header.size()));
    if (one.starts_with(version)) good |= matches(one.substr(version.size()));
  }
  return good;
}

bool verify_hmac(ByteView header, ByteView secret, const SignedContent& content) {
  const auto key = SigningKey::parse(secret);
  if (!key.ok() || !key->public_key().empty()) return false;
  std::string expected;
  key->append_signature(expected, content);
  const ByteView digits = ByteView(expected).substr(kHmacVersion.size());
  return any_signature(header, kHmacVersion,
                       [digits](ByteView one) { return equal_secrets(one, digits); });
}

bool verify_ed25519(ByteView header, ByteView key_digits, const SignedContent& content) {
  const auto key = decode_base64(key_digits);
  if (!key || key->size() != crypto_sign_PUBLICKEYBYTES) return false;
  const std::string message = joined(content);
  return any_signature(header, kEd25519Version, [&](ByteView one) {
    const auto signature = decode_base64(one);
    return signature && signature->size() == crypto_sign_BYTES &&
           crypto_sign_verify_detached(raw(*signature), raw(message), message.size(), raw(*key)) ==
               0;
  });
}

}  // namespace

SigningKey::Ed25519::~Ed25519() { sodium_memzero(pair.data(), pair.size()); }

Result<SigningKey> SigningKey::parse(ByteView secret) {
  if (secret.starts_with(kPairPrefix)) return parse_ed25519(secret.substr(kPairPrefix.size()));
  if (secret.starts_with(kHmacPrefix)) secret.remove_prefix(kHmacPrefix.size());
  const SecretBytes key(secret);
  if (!key.bytes || key.bytes->empty() || key.bytes->size() > kHmacBytesMax) {
    return error(Errc::kInvalid, "a signing secret is whsec_ and the base64 of at most 75 bytes");
  }
  return SigningKey(HmacKey(*key.bytes));
}

Result<SigningKey> SigningKey::parse_ed25519(ByteView digits) {
  Ed25519 made;
  std::array<uint8_t, crypto_sign_PUBLICKEYBYTES> public_key;
  const SecretBytes given(digits);
  if (!given.bytes || given.bytes->size() != made.pair.size()) {
    return error(Errc::kInvalid, "a signing key is whsk_ and the base64 of 64 bytes");
  }
  // Signing with a public half that is not the seed's would give the seed away.
  crypto_sign_seed_keypair(public_key.data(), made.pair.data(), raw(*given.bytes));
  if (!equal_secrets(view(made.pair), *given.bytes)) {
    return error(Errc::kInvalid, "the public half of a whsk_ key does not belong to its seed");
  }
  return SigningKey(made);
}

void SigningKey::append_signature(std::string& out, const SignedContent& content) const {
  if (const auto* const key = std::get_if<HmacKey>(&key_)) {
    out.append(kHmacVersion);
    append_base64(out, view(hmac(*key, content)));
    return;
  }
  std::array<uint8_t, crypto_sign_BYTES> signature;
  const std::string message = joined(content);
  crypto_sign_detached(signature.data(), nullptr, raw(message), message.size(),
                       std::get<Ed25519>(key_).pair.data());
  out.append(kEd25519Version);
  append_base64(out, view(signature));
}

std::string SigningKey::public_key() const {
  const auto* const key = std::get_if<Ed25519>(&key_);
  if (key == nullptr) return {};
  std::string text(kPublicPrefix);
  append_base64(text, view(key->pair).substr(crypto_sign_SEEDBYTES));
  return text;
}

void append_signatures(std::string& out, std::span<const SigningKey> keys,
                       const SignedContent& content) {
  for (const SigningKey& key : keys) {
    if (&key != keys.data()) out.push_back(' ');
    key.append_signature(out, content);
  }
}

bool verify_signature(ByteView header, ByteView key, const SignedContent& content) {
  return key.starts_with(kPublicPrefix)
             ? verify_ed25519(header, key.substr(kPublicPrefix.size()), content)
             : verify_hmac(header, key, content);
}

}  // namespace posthorn::wire

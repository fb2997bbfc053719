// Key files, key derivation, sealing: libsodium behind secret_box.h. Never logs, never puts a key
// or a secret in an error.
#include "catalog/secret_box.h"

#include <fmt/format.h>
#include <sodium.h>

#include <charconv>

#include "base/bytes.h"
#include "wire/base64.h"

namespace posthorn::catalog {
namespace {

constexpr uint8_t kSealedFormat = 1;
constexpr size_t kNonceBytes = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES;
constexpr size_t kTagBytes = crypto_aead_xchacha20poly1305_ietf_ABYTES;
constexpr size_t kPlainMax = 4096;
constexpr uint64_t kKeyFileMax = 256;
constexpr uint32_t kKeyMode = 0600;
// One derived key per purpose; numbers are never used again.
constexpr char kDeriveContext[crypto_kdf_CONTEXTBYTES + 1] = "posthorn";
constexpr uint64_t kEndpointSecretPurpose = 1;

static_assert(KeyBytes::kSize == crypto_kdf_KEYBYTES);
static_assert(KeyBytes::kSize == crypto_aead_xchacha20poly1305_ietf_KEYBYTES);

unsigned char* raw(std::string& text) { return reinterpret_cast<unsigned char*>(text.data()); }
const unsigned char* raw(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

// Names the row and the column, so that bytes moved to another row do not open.
std::string associated_data(const store::SecretRow& row) {
  std::string data = "posthorn/endpoint_secret/sealed";
  ByteWriter out(data);
  out.u8(kSealedFormat);
  out.bytes(row.endpoint.bytes.view());
  out.u32(row.ordinal);
  out.u32(row.key_version);
  return data;
}

// 32 raw bytes, or their base64 with or without a line end.
bool parse_key(std::string_view text, KeyBytes& into) {
  std::optional<std::string> decoded;
  if (text.size() != KeyBytes::kSize) {
    while (text.ends_with('\n') || text.ends_with('\r')) text.remove_suffix(1);
    decoded = wire::decode_base64(text);
    if (!decoded || decoded->size() != KeyBytes::kSize) return false;
    text = *decoded;
  }
  std::copy(text.begin(), text.end(), into.bytes.begin());
  if (decoded) sodium_memzero(decoded->data(), decoded->size());
  return true;
}

std::string key_path(const std::string& path, uint32_t version) {
  return version == 1 ? path : fmt::format("{}.{}", path, version);
}

// The version that the entry `name` of the folder holds for keys called `base`; 0: none.
uint32_t key_version(std::string_view name, std::string_view base) {
  if (!name.starts_with(base)) return 0;
  name.remove_prefix(base.size());
  if (name.empty()) return 1;
  if (!name.starts_with('.')) return 0;
  uint32_t version = 0;
  const char* end = name.data() + name.size();
  const auto [stop, failed] = std::from_chars(name.data() + 1, end, version);
  return failed == std::errc() && stop == end && version > 1 ? version : 0;
}

}  // namespace

KeyBytes::~KeyBytes() { sodium_memzero(bytes.data(), bytes.size()); }

Result<std::unique_ptr<SecretBox>> SecretBox::open(io::Host& host, const std::string& path,
                                                   bool make) {
  if (sodium_init() < 0) return error(Errc::kInternal, "libsodium does not start");
  std::unique_ptr<SecretBox> box(new SecretBox(host, path));
  PH_TRY(box->read_keys());
  if (box->keys_.empty() && make) PH_TRY(box->make_key(1));
  if (box->keys_.empty()) {
    return error(Errc::kNotFound, fmt::format("no root key at {}; put the file back", path));
  }
  return box;
}

Status SecretBox::read_keys() {
  const std::string folder = io::parent_directory(path_);
  const size_t slash = path_.rfind('/');
  const std::string base = slash == std::string::npos ? path_ : path_.substr(slash + 1);
  PH_ASSIGN(const auto names, host_.disk().list(folder));
  for (const std::string& name : names) {
    const uint32_t version = key_version(name, base);
    if (version == 0) continue;
    const std::string file = key_path(path_, version);
    PH_ASSIGN(std::string text, host_.disk().read_file(file, kKeyFileMax));
    KeyBytes root;
    const bool good = parse_key(text, root);
    sodium_memzero(text.data(), text.size());
    if (!good) {
      return error(Errc::kInvalid,
                   fmt::format("{}: a root key is 32 bytes, or their base64", file));
    }
    keep_key(version, root);
  }
  return {};
}

void SecretBox::keep_key(uint32_t version, const KeyBytes& root) {
  auto derived = std::make_unique<KeyBytes>();
  crypto_kdf_derive_from_key(derived->bytes.data(), derived->bytes.size(), kEndpointSecretPurpose,
                             kDeriveContext, root.bytes.data());
  keys_[version] = std::move(derived);
}

Status SecretBox::make_key(uint32_t version) {
  KeyBytes root;
  host_.entropy().fill(root.bytes);
  std::string text;
  text.reserve(2 * KeyBytes::kSize);  // no copy is left behind by growing
  wire::append_base64(text, {reinterpret_cast<const char*>(root.bytes.data()), KeyBytes::kSize});
  text.push_back('\n');
  // Not replace_file(): the mode must be narrow before the first byte is there.
  const std::string path = key_path(path_, version);
  const std::string fresh = path + ".new";
  io::Disk& disk = host_.disk();
  if (disk.exists(fresh)) PH_TRY(disk.remove(fresh));
  PH_ASSIGN(auto file, disk.open(fresh, io::OpenMode::kCreate));
  PH_TRY(disk.set_mode(fresh, kKeyMode));
  const ByteView part = text;
  const Status written = file->write(0, std::span(&part, 1));
  sodium_memzero(text.data(), text.size());
  PH_TRY(written);
  PH_TRY(file->sync());
  PH_TRY(disk.rename(fresh, path));
  PH_TRY(disk.sync_directory(io::parent_directory(path)));
  keep_key(version, root);
  return {};
}

Status SecretBox::add_key() { return make_key(current_version() + 1); }

Status SecretBox::remove_old_keys() {
  while (keys_.size() > 1) {
    PH_TRY(host_.disk().remove(key_path(path_, keys_.begin()->first)));
    keys_.erase(keys_.begin());
  }
  return host_.disk().sync_directory(io::parent_directory(path_));
}

void SecretBox::seal(store::SecretRow& row, std::string_view plain) {
  CHECK(plain.size() <= kPlainMax, "a secret of {} bytes", plain.size());
  row.key_version = current_version();
  const std::string data = associated_data(row);
  std::array<uint8_t, kNonceBytes> nonce;
  host_.entropy().fill(nonce);
  std::string sealed(1 + kNonceBytes + plain.size() + kTagBytes, '\0');
  sealed[0] = static_cast<char>(kSealedFormat);
  std::copy(nonce.begin(), nonce.end(), sealed.begin() + 1);
  unsigned long long written = 0;
  crypto_aead_xchacha20poly1305_ietf_encrypt(raw(sealed) + 1 + kNonceBytes, &written, raw(plain),
                                             plain.size(), raw(data), data.size(), nullptr,
                                             nonce.data(), keys_.at(row.key_version)->bytes.data());
  row.sealed = std::move(sealed);
}

Result<std::unique_ptr<SecretBox>> open_secret_box(io::Host& host, store::ConfigStore& store,
                                                   const std::string& path) {
  constexpr uint32_t kNoKey = 0;
  PH_ASSIGN(const auto sealed, store.secrets_not_at(kNoKey, 1));
  return SecretBox::open(host, path, sealed.empty());
}

Result<std::string> SecretBox::open(const store::SecretRow& row) const {
  const auto key = keys_.find(row.key_version);
  if (key == keys_.end()) {
    return error(Errc::kNotFound,
                 fmt::format("a secret of {} is sealed with root key {}, which is not there; put "
                             "its file back",
                             row.endpoint.text(), row.key_version));
  }
  const std::string_view sealed = row.sealed;
  const bool framed = sealed.size() >= 1 + kNonceBytes + kTagBytes &&
                      sealed.size() <= 1 + kNonceBytes + kTagBytes + kPlainMax &&
                      static_cast<uint8_t>(sealed[0]) == kSealedFormat;
  if (framed) {
    const std::string data = associated_data(row);
    const std::string_view box = sealed.substr(1 + kNonceBytes);
    std::string plain(box.size() - kTagBytes, '\0');
    unsigned long long written = 0;
    const int failed = crypto_aead_xchacha20poly1305_ietf_decrypt(
        raw(plain), &written, nullptr, raw(box), box.size(), raw(data), data.size(),
        raw(sealed) + 1, key->second->bytes.data());
    if (failed == 0) return plain;
  }
  return error(Errc::kCorrupt,
               fmt::format("a secret of {} does not open with root key {}: another key file, or "
                           "damaged bytes",
                           row.endpoint.text(), row.key_version));
}

}  // namespace posthorn::catalog

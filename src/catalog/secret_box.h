// Signing secrets at rest: XChaCha20-Poly1305 with a key derived from a root key, bound to the
// row it belongs to. Formats of the key files and of a sealed secret: docs/formats/secrets.md.
#pragma once
#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "io/host.h"
#include "store/config_store.h"

namespace posthorn::catalog {

// 32 bytes that are zeroed when they go.
class KeyBytes {
 public:
  static constexpr size_t kSize = 32;
  KeyBytes() = default;
  ~KeyBytes();
  KeyBytes(const KeyBytes&) = delete;
  KeyBytes& operator=(const KeyBytes&) = delete;

  std::array<uint8_t, kSize> bytes{};
};

// Not thread-safe: belongs to the thread that changes the catalog.
class SecretBox {
 public:
  // Root key version 1 is the file `path`, version N the file `path`.N; the highest is the current
  // one, the others only open what they sealed. With `make` a missing first key is generated
  // (mode 0600, durable on return). kNotFound without any key, kInvalid for a file that is
  // neither 32 bytes nor their base64.
  static Result<std::unique_ptr<SecretBox>> open(io::Host& host, const std::string& path,
                                                 bool make);

  uint32_t current_version() const { return keys_.rbegin()->first; }

  // Fills `row.sealed` and `row.key_version` with `plain` under the current key, bound to the
  // row's endpoint and ordinal.
  void seal(store::SecretRow& row, std::string_view plain);
  // kNotFound when the row's root key is not there; kCorrupt when the bytes are damaged, from
  // another row, or sealed under another key.
  Result<std::string> open(const store::SecretRow& row) const;

  // Makes root key version current_version() + 1 beside the others; durable on return.
  Status add_key();
  // Removes the files of all keys but the current one. What they sealed is lost then.
  Status remove_old_keys();

 private:
  SecretBox(io::Host& host, std::string path) : host_(host), path_(std::move(path)) {}
  Status read_keys();
  Status make_key(uint32_t version);
  void keep_key(uint32_t version, const KeyBytes& root);

  io::Host& host_;
  const std::string path_;
  // Derived for signing secrets; the root keys themselves are not kept.
  std::map<uint32_t, std::unique_ptr<KeyBytes>> keys_;
};

// The box for what `store` holds. A first key is made only while there is no secret yet, so that a
// lost key file is noticed and not replaced by another.
Result<std::unique_ptr<SecretBox>> open_secret_box(io::Host& host, store::ConfigStore& store,
                                                   const std::string& path);

}  // namespace posthorn::catalog

// Standard Webhooks signature of the floor: HMAC-SHA256 with a fetched, keyed EVP_MAC context that
// is reused for every event. Not for use by several threads.
#pragma once
#include <openssl/evp.h>

#include <cstdint>
#include <string>
#include <string_view>

namespace posthorn::bench {

class FloorSigner {
 public:
  explicit FloorSigner(std::string_view key);
  ~FloorSigner();
  FloorSigner(const FloorSigner&) = delete;
  FloorSigner& operator=(const FloorSigner&) = delete;

  // Appends "v1," and the base64 of HMAC(key, id "." timestamp "." body).
  void append_signature(std::string_view id, std::string_view timestamp, std::string_view body,
                        std::string* out);

 private:
  EVP_MAC* algorithm_;
  EVP_MAC_CTX* context_;
};

}  // namespace posthorn::bench

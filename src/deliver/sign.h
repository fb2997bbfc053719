// Which secrets sign a webhook, and under which header names. The algorithms are wire/signature's.
#pragma once
#include <string>
#include <vector>

#include "base/units.h"
#include "model/endpoint.h"
#include "wire/signature.h"

namespace posthorn::deliver {

enum class SignatureHeaders : uint8_t { kWebhook, kSvix, kBoth };

// The secrets of one endpoint, ready for use.
class EndpointKeys {
 public:
  // Secrets that cannot be parsed are left out (they were checked when they were stored).
  explicit EndpointKeys(const std::vector<model::EndpointSecret>& secrets);

  // Appends the signature headers for `content` at `now`: every secret signs that has not expired.
  void append_headers(std::string& out, const wire::SignedContent& content, WallTime now,
                      SignatureHeaders names) const;

 private:
  void append_signatures(std::string& out, const wire::SignedContent& content, WallTime now) const;
  struct Key {
    wire::SigningKey key;
    WallTime expires_at;
  };
  std::vector<Key> keys_;
};

}  // namespace posthorn::deliver

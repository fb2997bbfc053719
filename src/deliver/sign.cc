// pure: the signature headers of a webhook.
#include "deliver/sign.h"

#include <charconv>

namespace posthorn::deliver {
namespace {

void append_triple(std::string& out, std::string_view prefix, const wire::SignedContent& content,
                   std::string_view signatures) {
  char seconds_text[24];
  const auto end =
      std::to_chars(seconds_text, seconds_text + sizeof seconds_text, content.timestamp).ptr;
  out.append(prefix).append("-id: ").append(content.id).append("\r\n");
  out.append(prefix).append("-timestamp: ").append(seconds_text, end).append("\r\n");
  out.append(prefix).append("-signature: ").append(signatures).append("\r\n");
}

}  // namespace

EndpointKeys::EndpointKeys(const std::vector<model::EndpointSecret>& secrets) {
  for (const model::EndpointSecret& secret : secrets) {
    auto key = wire::SigningKey::parse(secret.key);
    if (key.ok()) keys_.push_back({*std::move(key), secret.expires_at});
  }
}

void EndpointKeys::append_headers(std::string& out, const wire::SignedContent& content,
                                  WallTime now, SignatureHeaders names) const {
  std::string signatures;
  signatures.reserve(64);
  for (const Key& key : keys_) {
    if (key.expires_at.us != 0 && key.expires_at <= now) continue;
    if (!signatures.empty()) signatures += ' ';
    key.key.append_signature(signatures, content);
  }
  if (names != SignatureHeaders::kSvix) append_triple(out, "webhook", content, signatures);
  if (names != SignatureHeaders::kWebhook) append_triple(out, "svix", content, signatures);
}

}  // namespace posthorn::deliver

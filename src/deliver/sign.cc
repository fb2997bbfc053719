// pure: the signature headers of a webhook.
#include "deliver/sign.h"

#include <charconv>

namespace posthorn::deliver {
namespace {

// The header names of one triple up to the signatures.
void append_start(std::string& out, std::string_view prefix, const wire::SignedContent& content) {
  char seconds_text[24];
  const auto end =
      std::to_chars(seconds_text, seconds_text + sizeof seconds_text, content.timestamp).ptr;
  out.append(prefix).append("-id: ").append(content.id).append("\r\n");
  out.append(prefix).append("-timestamp: ").append(seconds_text, end).append("\r\n");
  out.append(prefix).append("-signature: ");
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
  append_start(out, names == SignatureHeaders::kSvix ? "svix" : "webhook", content);
  const size_t begin = out.size();
  append_signatures(out, content, now);
  const size_t length = out.size() - begin;
  out.append("\r\n");
  if (names != SignatureHeaders::kBoth) return;
  append_start(out, "svix", content);
  out.append(out, begin, length).append("\r\n");
}

void EndpointKeys::append_signatures(std::string& out, const wire::SignedContent& content,
                                     WallTime now) const {
  bool first = true;
  for (const Key& key : keys_) {
    if (key.expires_at.us != 0 && key.expires_at <= now) continue;
    if (!std::exchange(first, false)) out += ' ';
    key.key.append_signature(out, content);
  }
}

}  // namespace posthorn::deliver

// The cache of name lookups.
#include "deliver/dns_cache.h"

#include <algorithm>

namespace posthorn::deliver {

void DnsCache::lookup(const std::string& host, OnAddresses on_addresses) {
  const auto known = entries_.find(host);
  if (known != entries_.end() && known->second.query == nullptr &&
      loop_.clock().now() < known->second.expires) {
    on_addresses(known->second.addresses);
    return;
  }
  if (known == entries_.end()) make_room();
  Entry& entry = entries_[host];
  entry.waiting.push_back(std::move(on_addresses));
  if (entry.query != nullptr) return;
  entry.query = loop_.resolver().resolve(
      host, [this, host](Result<io::Resolved> result) { answered(host, std::move(result)); });
}

void DnsCache::answered(const std::string& host, Result<io::Resolved> result) {
  Entry& entry = entries_.at(host);
  const std::unique_ptr<io::Resolving> finished = std::move(entry.query);
  seconds ttl = limits_.failure_ttl;
  if (result.ok()) {
    ttl = std::clamp(result->ttl, limits_.ttl_min, limits_.ttl_max);
    entry.addresses = std::move(result->addresses);
  } else {
    entry.addresses = std::move(result).error();
  }
  entry.expires = loop_.clock().now() + ttl;
  const Result<std::vector<IpAddress>> addresses = entry.addresses;
  for (OnAddresses& waiting : std::exchange(entry.waiting, {})) waiting(addresses);
}

// Expired names go first; when all are fresh, any one does.
void DnsCache::make_room() {
  if (entries_.size() < limits_.names_max) return;
  const MonoTime now = loop_.clock().now();
  std::erase_if(entries_, [&](const auto& entry) {
    return entry.second.query == nullptr && entry.second.expires <= now;
  });
  for (auto at = entries_.begin(); entries_.size() >= limits_.names_max && at != entries_.end();) {
    at = at->second.query == nullptr ? entries_.erase(at) : std::next(at);
  }
}

}  // namespace posthorn::deliver

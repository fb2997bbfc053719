// pure: the bookkeeping of idle connections.
#include "http/pool_state.h"

#include <algorithm>

namespace posthorn::http {

size_t PoolKeyHash::operator()(const PoolKey& key) const {
  uint64_t hash = key.owner ^ (uint64_t{key.address.port} << 32) ^ (key.tls ? 1 : 0);
  for (const uint8_t byte : key.address.ip.bytes) hash = (hash ^ byte) * 0x100000001B3ull;
  return hash;
}

std::optional<ConnectionNumber> PoolState::take(const PoolKey& key) {
  const auto of_key = by_key_.find(key);
  if (of_key == by_key_.end()) return std::nullopt;
  const ConnectionNumber number = of_key->second.back();
  remove(number);
  return number;
}

std::optional<ConnectionNumber> PoolState::put(const PoolKey& key, ConnectionNumber number,
                                               MonoTime now) {
  by_age_.push_back({number, key, now});
  places_[number] = std::prev(by_age_.end());
  std::vector<ConnectionNumber>& of_key = by_key_[key];
  of_key.push_back(number);
  if (of_key.size() <= idle_per_key_max_) return std::nullopt;
  const ConnectionNumber surplus = of_key.front();
  remove(surplus);
  return surplus;
}

void PoolState::remove(ConnectionNumber number) {
  const auto place = places_.find(number);
  if (place == places_.end()) return;
  const auto of_key = by_key_.find(place->second->key);
  std::erase(of_key->second, number);
  if (of_key->second.empty()) by_key_.erase(of_key);
  by_age_.erase(place->second);
  places_.erase(place);
}

std::optional<ConnectionNumber> PoolState::oldest() const {
  if (by_age_.empty()) return std::nullopt;
  return by_age_.front().number;
}

std::vector<ConnectionNumber> PoolState::idle_since(MonoTime limit) const {
  std::vector<ConnectionNumber> stale;
  for (const Idle& idle : by_age_) {
    if (idle.since >= limit) break;
    stale.push_back(idle.number);
  }
  return stale;
}

std::vector<ConnectionNumber> PoolState::of_owner(uint64_t owner) const {
  std::vector<ConnectionNumber> found;
  for (const Idle& idle : by_age_) {
    if (idle.key.owner == owner) found.push_back(idle.number);
  }
  return found;
}

}  // namespace posthorn::http

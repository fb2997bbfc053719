// pure: the bookkeeping of idle connections.
#include "http/pool_state.h"

#include <algorithm>

#include "base/check.h"

namespace posthorn::http {

size_t PoolKeyHash::operator()(const PoolKey& key) const {
  uint64_t hash = key.owner ^ (uint64_t{key.address.port} << 32) ^ (key.tls ? 1 : 0);
  for (const uint8_t byte : key.address.ip.bytes) hash = (hash ^ byte) * 0x100000001B3ull;
  return hash;
}

std::optional<ConnectionNumber> PoolState::take(const PoolKey& key) {
  const auto group = groups_.find(key);
  if (group == groups_.end() || group->second.idle.empty()) return std::nullopt;
  const ConnectionNumber number = group->second.idle.back();
  group->second.idle.pop_back();
  unlink(place_of(number));
  return number;
}

std::optional<ConnectionNumber> PoolState::put(const PoolKey& key, ConnectionNumber number,
                                               MonoTime now) {
  Place& place = join(key, number);
  place.since = now;
  link_newest(place_of(number));
  std::vector<ConnectionNumber>& idle = place.group->second.idle;
  idle.push_back(number);
  if (idle.size() <= idle_per_key_max_) return std::nullopt;
  const ConnectionNumber surplus = idle.front();
  remove(surplus);
  return surplus;
}

PoolState::Place& PoolState::join(const PoolKey& key, ConnectionNumber number) {
  const size_t at = place_of(number);
  if (at >= places_.size()) places_.resize(at + 1);
  Place& place = places_[at];
  if (place.number == number) return place;
  CHECK(place.number == 0, "place {} has an open connection", at);
  place.number = number;
  place.group = &*groups_.try_emplace(key).first;
  ++place.group->second.members;
  return place;
}

void PoolState::remove(ConnectionNumber number) {
  const size_t at = place_of(number);
  if (at >= places_.size() || places_[at].number != number) return;
  Place& place = places_[at];
  if (place.idle) {
    std::erase(place.group->second.idle, number);
    unlink(at);
  }
  if (--place.group->second.members == 0) groups_.erase(place.group->first);
  place = {};
}

void PoolState::link_newest(size_t at) {
  Place& place = places_[at];
  place.idle = true;
  place.older = newest_;
  place.newer = kNone;
  (newest_ == kNone ? oldest_ : places_[newest_].newer) = at;
  newest_ = at;
  ++idle_;
}

void PoolState::unlink(size_t at) {
  Place& place = places_[at];
  place.idle = false;
  (place.older == kNone ? oldest_ : places_[place.older].newer) = place.newer;
  (place.newer == kNone ? newest_ : places_[place.newer].older) = place.older;
  --idle_;
}

std::optional<ConnectionNumber> PoolState::oldest() const {
  if (oldest_ == kNone) return std::nullopt;
  return places_[oldest_].number;
}

std::vector<ConnectionNumber> PoolState::idle_since(MonoTime limit) const {
  std::vector<ConnectionNumber> stale;
  for (size_t at = oldest_; at != kNone && places_[at].since < limit; at = places_[at].newer) {
    stale.push_back(places_[at].number);
  }
  return stale;
}

std::vector<ConnectionNumber> PoolState::of_owner(uint64_t owner) const {
  std::vector<ConnectionNumber> found;
  for (size_t at = oldest_; at != kNone; at = places_[at].newer) {
    if (places_[at].group->first.owner == owner) found.push_back(places_[at].number);
  }
  return found;
}

}  // namespace posthorn::http

// Which idle connection to reuse and which to close: pure bookkeeping of the client's pool.
#pragma once
#include <cstdint>
#include <functional>
#include <list>
#include <optional>
#include <unordered_map>
#include <vector>

#include "base/units.h"
#include "http/client.h"

namespace posthorn::http {

struct PoolKeyHash {
  size_t operator()(const PoolKey& key) const;
};

// Names a connection of the client; never reused.
using ConnectionNumber = uint64_t;

class PoolState {
 public:
  explicit PoolState(size_t idle_per_key_max) : idle_per_key_max_(idle_per_key_max) {}

  // The connection of the key that went idle last (the least likely to have been closed by the
  // peer), no longer idle now.
  std::optional<ConnectionNumber> take(const PoolKey& key);
  // The connection is idle from now on. Answers the one to close when its key has enough of them.
  std::optional<ConnectionNumber> put(const PoolKey& key, ConnectionNumber number, MonoTime now);
  // It was closed while idle.
  void remove(ConnectionNumber number);
  // The connection that is idle the longest, whatever its key; to make room.
  std::optional<ConnectionNumber> oldest() const;
  // Those idle since before `limit`.
  std::vector<ConnectionNumber> idle_since(MonoTime limit) const;
  std::vector<ConnectionNumber> of_owner(uint64_t owner) const;
  size_t idle() const { return places_.size(); }

 private:
  struct Idle {
    ConnectionNumber number;
    PoolKey key;
    MonoTime since;
  };
  using ByAge = std::list<Idle>;

  size_t idle_per_key_max_;
  ByAge by_age_;  // the oldest first
  std::unordered_map<ConnectionNumber, ByAge::iterator> places_;
  std::unordered_map<PoolKey, std::vector<ConnectionNumber>, PoolKeyHash> by_key_;
};

}  // namespace posthorn::http

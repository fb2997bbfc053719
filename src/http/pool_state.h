// Which idle connection to reuse and which to close: pure bookkeeping of the client's pool. It
// allocates when a connection is new, not when it goes idle or is taken.
#pragma once
#include <cstdint>
#include <optional>
#include <unordered_map>
#include <vector>

#include "base/units.h"
#include "http/client.h"

namespace posthorn::http {

struct PoolKeyHash {
  size_t operator()(const PoolKey& key) const;
};

// Names a connection of the client: its place among the open ones in the low bits, which is used
// again, below a serial number; never reused.
using ConnectionNumber = uint64_t;
constexpr size_t kPlaceBits = 24;
constexpr size_t place_of(ConnectionNumber number) {
  return number & ((ConnectionNumber{1} << kPlaceBits) - 1);
}

class PoolState {
 public:
  explicit PoolState(size_t idle_per_key_max) : idle_per_key_max_(idle_per_key_max) {}

  // The connection of the key that went idle last (the least likely to have been closed by the
  // peer), no longer idle now.
  std::optional<ConnectionNumber> take(const PoolKey& key);
  // The connection is idle from now on; its key is always the same. Answers the one to close when
  // its key has enough of them.
  std::optional<ConnectionNumber> put(const PoolKey& key, ConnectionNumber number, MonoTime now);
  // It was closed, idle or not.
  void remove(ConnectionNumber number);
  // The connection that is idle the longest, whatever its key; to make room.
  std::optional<ConnectionNumber> oldest() const;
  // Those idle since before `limit`.
  std::vector<ConnectionNumber> idle_since(MonoTime limit) const;
  std::vector<ConnectionNumber> of_owner(uint64_t owner) const;
  size_t idle() const { return idle_; }

 private:
  static constexpr size_t kNone = ~size_t{0};
  // The connections of one key that were idle once and are open.
  struct Group {
    std::vector<ConnectionNumber> idle;  // the oldest first
    size_t members = 0;
  };
  using Groups = std::unordered_map<PoolKey, Group, PoolKeyHash>;
  struct Place {
    ConnectionNumber number = 0;  // 0: nobody
    Groups::value_type* group = nullptr;
    MonoTime since;
    bool idle = false;
    size_t older = kNone, newer = kNone;  // neighbours by age, while idle
  };
  Place& join(const PoolKey& key, ConnectionNumber number);
  void link_newest(size_t at);
  void unlink(size_t at);

  size_t idle_per_key_max_;
  std::vector<Place> places_;
  Groups groups_;
  size_t oldest_ = kNone, newest_ = kNone;
  size_t idle_ = 0;
};

}  // namespace posthorn::http

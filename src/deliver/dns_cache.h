// Names to addresses, remembered for their time to live within bounds; queries for one name at a
// time are shared. One per shard, on its loop.
#pragma once
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "io/loop.h"
#include "io/resolver.h"

namespace posthorn::deliver {

struct DnsCacheLimits {
  size_t names_max = 10'000;
  seconds ttl_min{1};
  seconds ttl_max{300};
  seconds failure_ttl{2};  // a failed lookup is not repeated sooner
};

class DnsCache {
 public:
  using OnAddresses = UniqueFunction<void(const Result<std::vector<IpAddress>>&)>;

  DnsCache(io::Loop& loop, DnsCacheLimits limits) : loop_(loop), limits_(limits) {}

  // Runs `on_addresses` once; inside this call when the answer is known.
  void lookup(const std::string& host, OnAddresses on_addresses);

 private:
  struct Entry {
    Result<std::vector<IpAddress>> addresses = std::vector<IpAddress>{};
    MonoTime expires;
    std::unique_ptr<io::Resolving> query;  // under way when set
    std::vector<OnAddresses> waiting;
  };
  void answered(const std::string& host, Result<io::Resolved> result);
  void make_room();

  io::Loop& loop_;
  const DnsCacheLimits limits_;
  std::unordered_map<std::string, Entry> entries_;
};

}  // namespace posthorn::deliver

// DNS as a parameter; asynchronous, on one loop's thread.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "base/function.h"
#include "base/ip.h"
#include "base/result.h"
#include "base/units.h"

namespace posthorn::io {

struct Resolved {
  std::vector<IpAddress> addresses;  // at most Resolver::kAddressesMax, IPv4 and IPv6
  seconds ttl{0};                    // the smallest of the answers
};

// A query under way; destroying it cancels its callback.
class Resolving {
 public:
  virtual ~Resolving() = default;
};

class Resolver {
 public:
  static constexpr size_t kAddressesMax = 32;
  using OnResolved = UniqueFunction<void(Result<Resolved>)>;
  virtual ~Resolver() = default;

  // `host` is a name, never an address. No cache here: deliver/ caches by TTL within bounds. The
  // callback never runs inside this call. Errors: kNotFound (no such name), kTimeout, kIo.
  virtual std::unique_ptr<Resolving> resolve(const std::string& host, OnResolved on_resolved) = 0;
};

}  // namespace posthorn::io

// The address guard: may a webhook be sent to this address? Pure. Every candidate of a name is
// judged, and the judged address is the one that is dialled.
#pragma once
#include <string>
#include <vector>

#include "base/ip.h"

namespace posthorn::deliver {

struct GuardPolicy {
  std::vector<Cidr> allow;     // exempt from the guard (delivery.allow_targets)
  std::vector<IpAddress> own;  // of this machine: public ones lead to its own services too
};

struct GuardVerdict {
  bool allowed = false;
  std::string reason;  // when refused: "127.0.0.1 is a loopback address"
  std::string block;   // when refused: the block to allow, "127.0.0.0/8"
};

// IPv6 addresses that carry an IPv4 address are judged by it; of IPv6 only 2000::/3 without its
// special blocks is public.
GuardVerdict judge(const IpAddress& ip, const GuardPolicy& policy);

// The first refusal among the candidates, or allowed. No candidate at all is a refusal.
GuardVerdict judge_all(const std::vector<IpAddress>& candidates, const GuardPolicy& policy);

}  // namespace posthorn::deliver

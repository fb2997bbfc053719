// pure: the blocks that no webhook may reach, after the IANA special-purpose registries.
#include "deliver/guard.h"

#include <algorithm>
#include <array>
#include <optional>

namespace posthorn::deliver {
namespace {

struct Block {
  Cidr cidr;
  const char* what;
};

struct Refusal {
  const char* what = nullptr;
  std::optional<Cidr> block;  // nothing: the address alone
};

Block block(const char* text, const char* what) { return {*Cidr::parse(text), what}; }

const std::vector<Block>& refused_v4() {
  static const std::vector<Block> kBlocks = {
      block("0.0.0.0/8", "an address of this network"),
      block("10.0.0.0/8", "a private address"),
      block("100.64.0.0/10", "a carrier-grade NAT address"),
      block("127.0.0.0/8", "a loopback address"),
      block("168.63.129.16", "a cloud provider's internal address"),
      block("169.254.0.0/16", "a link-local address"),
      block("172.16.0.0/12", "a private address"),
      block("192.0.0.0/24", "a protocol assignment"),
      block("192.0.2.0/24", "a documentation address"),
      block("192.31.196.0/24", "an AS112 address"),
      block("192.52.193.0/24", "an AMT address"),
      block("192.88.99.0/24", "a 6to4 relay address"),
      block("192.168.0.0/16", "a private address"),
      block("192.175.48.0/24", "an AS112 address"),
      block("198.18.0.0/15", "a benchmarking address"),
      block("198.51.100.0/24", "a documentation address"),
      block("203.0.113.0/24", "a documentation address"),
      block("224.0.0.0/4", "a multicast address"),
      block("240.0.0.0/4", "a reserved address"),
  };
  return kBlocks;
}

const std::vector<Block>& refused_v6() {
  static const std::vector<Block> kBlocks = {
      block("::/128", "the unspecified address"),
      block("::1/128", "a loopback address"),
      block("fc00::/7", "a private address"),
      block("fe80::/10", "a link-local address"),
      block("ff00::/8", "a multicast address"),
      block("2001::/23", "a protocol assignment"),
      block("2001:db8::/32", "a documentation address"),
      block("2002::/16", "a 6to4 address"),
      block("3fff::/20", "a documentation address"),
  };
  return kBlocks;
}

// The IPv4 address inside an IPv6 form that stands for one.
std::optional<IpAddress> embedded_v4(const IpAddress& ip) {
  static const std::array<Cidr, 4> kWrappings = {
      *Cidr::parse("::ffff:0:0/96"), *Cidr::parse("::ffff:0:0:0/96"), *Cidr::parse("64:ff9b::/96"),
      *Cidr::parse("::/96")};
  for (const Cidr& wrapping : kWrappings) {
    if (!wrapping.contains(ip)) continue;
    return IpAddress::v4(ip.bytes[12], ip.bytes[13], ip.bytes[14], ip.bytes[15]);
  }
  return std::nullopt;
}

std::optional<Refusal> refusal(const IpAddress& ip) {
  for (const Block& refused : ip.v6 ? refused_v6() : refused_v4()) {
    if (refused.cidr.contains(ip)) return Refusal{refused.what, refused.cidr};
  }
  if (!ip.v6) return std::nullopt;
  if (const auto v4 = embedded_v4(ip)) {
    const auto inner = refusal(*v4);
    return Refusal{inner ? inner->what : "an IPv4 address in IPv6 form", std::nullopt};
  }
  static const Cidr kGlobalUnicast = *Cidr::parse("2000::/3");
  if (kGlobalUnicast.contains(ip)) return std::nullopt;
  return Refusal{"not a public address", std::nullopt};
}

}  // namespace

GuardVerdict judge(const IpAddress& ip, const GuardPolicy& policy) {
  for (const Cidr& allowed : policy.allow) {
    if (allowed.contains(ip)) return {true, {}, {}};
  }
  auto refused = refusal(ip);
  if (!refused && std::find(policy.own.begin(), policy.own.end(), ip) != policy.own.end()) {
    refused = Refusal{"an address of this machine", std::nullopt};
  }
  if (!refused) return {true, {}, {}};
  const Cidr cidr = refused->block.value_or(Cidr{ip, static_cast<uint8_t>(ip.v6 ? 128 : 32)});
  return {false, ip.text() + " is " + refused->what,
          cidr.base.text() + "/" + std::to_string(cidr.length)};
}

GuardVerdict judge_all(const std::vector<IpAddress>& candidates, const GuardPolicy& policy) {
  if (candidates.empty()) return {false, "the name has no address", {}};
  for (const IpAddress& ip : candidates) {
    GuardVerdict verdict = judge(ip, policy);
    if (!verdict.allowed) return verdict;
  }
  return {true, {}, {}};
}

}  // namespace posthorn::deliver

// pure: strict parsing and printing of IP addresses.
#include "base/ip.h"

#include <fmt/format.h>

#include <charconv>
#include <vector>

namespace posthorn {
namespace {

// A decimal number of at most `max`, with no sign and no leading zero.
std::optional<uint32_t> decimal(std::string_view text, uint32_t max) {
  if (text.empty() || text.size() > 5 || (text.size() > 1 && text[0] == '0')) return std::nullopt;
  uint32_t value = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failure != std::errc{} || end != text.data() + text.size() || value > max)
    return std::nullopt;
  return value;
}

std::optional<IpAddress> parse_v4(std::string_view text) {
  IpAddress ip;
  for (size_t octet = 0; octet < 4; ++octet) {
    const size_t dot = text.find('.');
    if ((octet < 3) != (dot != std::string_view::npos)) return std::nullopt;
    const auto value = decimal(text.substr(0, dot), 255);
    if (!value) return std::nullopt;
    ip.bytes[octet] = static_cast<uint8_t>(*value);
    if (octet < 3) text.remove_prefix(dot + 1);
  }
  return ip;
}

// Reads colon-separated groups (the last may be dotted IPv4) into 16-bit words.
bool parse_groups(std::string_view text, std::vector<uint16_t>& words) {
  if (text.empty()) return true;
  while (true) {
    const size_t colon = text.find(':');
    const std::string_view group = text.substr(0, colon);
    if (colon == std::string_view::npos && group.find('.') != std::string_view::npos) {
      const auto v4 = parse_v4(group);
      if (!v4) return false;
      words.push_back(static_cast<uint16_t>(v4->bytes[0] << 8 | v4->bytes[1]));
      words.push_back(static_cast<uint16_t>(v4->bytes[2] << 8 | v4->bytes[3]));
      return true;
    }
    uint16_t value = 0;
    const auto [end, failure] =
        std::from_chars(group.data(), group.data() + group.size(), value, 16);
    if (group.empty() || group.size() > 4 || failure != std::errc{} ||
        end != group.data() + group.size()) {
      return false;
    }
    words.push_back(value);
    if (colon == std::string_view::npos) return true;
    text.remove_prefix(colon + 1);
  }
}

std::optional<IpAddress> parse_v6(std::string_view text) {
  std::vector<uint16_t> head, tail;
  const size_t gap = text.find("::");
  if (gap == std::string_view::npos) {
    if (!parse_groups(text, head) || head.size() != 8) return std::nullopt;
  } else {
    const std::string_view before = text.substr(0, gap);
    if (before.find('.') != std::string_view::npos) return std::nullopt;
    if (!parse_groups(before, head) || !parse_groups(text.substr(gap + 2), tail)) {
      return std::nullopt;
    }
    if (head.size() + tail.size() > 7) return std::nullopt;
  }
  head.resize(8 - tail.size(), 0);
  head.insert(head.end(), tail.begin(), tail.end());
  IpAddress ip;
  ip.v6 = true;
  for (size_t i = 0; i < 8; ++i) {
    ip.bytes[2 * i] = static_cast<uint8_t>(head[i] >> 8);
    ip.bytes[2 * i + 1] = static_cast<uint8_t>(head[i]);
  }
  return ip;
}

uint16_t word(const IpAddress& ip, size_t at) {
  return static_cast<uint16_t>(ip.bytes[2 * at] << 8 | ip.bytes[2 * at + 1]);
}

}  // namespace

IpAddress IpAddress::v4(uint8_t a, uint8_t b, uint8_t c, uint8_t d) {
  IpAddress ip;
  ip.bytes[0] = a;
  ip.bytes[1] = b;
  ip.bytes[2] = c;
  ip.bytes[3] = d;
  return ip;
}

std::optional<IpAddress> IpAddress::parse(std::string_view text) {
  if (text.size() > 45) return std::nullopt;  // the longest text form of an IPv6 address
  return text.find(':') == std::string_view::npos ? parse_v4(text) : parse_v6(text);
}

std::string IpAddress::text() const {
  if (!v6) return fmt::format("{}.{}.{}.{}", bytes[0], bytes[1], bytes[2], bytes[3]);
  size_t best = 8, best_length = 1;  // the longest run of two or more zero words becomes "::"
  for (size_t at = 0; at < 8; ++at) {
    size_t end = at;
    while (end < 8 && word(*this, end) == 0) ++end;
    if (end - at > best_length) {
      best = at;
      best_length = end - at;
    }
  }
  std::string out;
  for (size_t at = 0; at < 8;) {
    if (at == best) {
      out += "::";
      at += best_length;
      continue;
    }
    if (!out.empty() && out.back() != ':') out += ':';
    out += fmt::format("{:x}", word(*this, at));
    ++at;
  }
  return out;
}

std::optional<SocketAddress> SocketAddress::parse(std::string_view text) {
  const size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  std::string_view host = text.substr(0, colon);
  const bool bracketed = host.size() >= 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  const auto ip = IpAddress::parse(host);
  const auto port = decimal(text.substr(colon + 1), 65535);
  if (!ip || !port || ip->v6 != bracketed) return std::nullopt;
  return SocketAddress{*ip, static_cast<uint16_t>(*port)};
}

std::string SocketAddress::text() const {
  return ip.v6 ? fmt::format("[{}]:{}", ip.text(), port) : fmt::format("{}:{}", ip.text(), port);
}

std::optional<Cidr> Cidr::parse(std::string_view text) {
  const size_t slash = text.find('/');
  const auto base = IpAddress::parse(text.substr(0, slash));
  if (!base) return std::nullopt;
  const uint32_t bits = base->v6 ? 128 : 32;
  Cidr cidr{*base, static_cast<uint8_t>(bits)};
  if (slash != std::string_view::npos) {
    const auto length = decimal(text.substr(slash + 1), bits);
    if (!length) return std::nullopt;
    cidr.length = static_cast<uint8_t>(*length);
  }
  for (uint32_t bit = cidr.length; bit < bits; ++bit) {
    if (cidr.base.bytes[bit / 8] & (0x80u >> (bit % 8))) return std::nullopt;
  }
  return cidr;
}

bool Cidr::contains(const IpAddress& ip) const {
  if (ip.v6 != base.v6) return false;
  for (uint32_t bit = 0; bit < length; ++bit) {
    const uint32_t mask = 0x80u >> (bit % 8);
    if ((ip.bytes[bit / 8] ^ base.bytes[bit / 8]) & mask) return false;
  }
  return true;
}

}  // namespace posthorn

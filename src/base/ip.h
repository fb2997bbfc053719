// IP addresses and socket addresses as plain values. Text parsing is strict: four decimal octets
// without leading zeros, or RFC 4291 text without a zone; every other form is refused.
#pragma once
#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace posthorn {

struct IpAddress {
  std::array<uint8_t, 16> bytes{};  // an IPv4 address uses the first four
  bool v6 = false;
  auto operator<=>(const IpAddress&) const = default;

  static IpAddress v4(uint8_t a, uint8_t b, uint8_t c, uint8_t d);
  static std::optional<IpAddress> parse(std::string_view text);
  std::string text() const;
};

struct SocketAddress {
  IpAddress ip;
  uint16_t port = 0;
  auto operator<=>(const SocketAddress&) const = default;

  // "127.0.0.1:8071" or "[::1]:8071".
  static std::optional<SocketAddress> parse(std::string_view text);
  std::string text() const;
};

// An address block such as 10.0.0.0/8. Bits beyond the length must be zero.
struct Cidr {
  IpAddress base;
  uint8_t length = 0;
  auto operator<=>(const Cidr&) const = default;

  // "10.0.0.0/8"; an address alone counts as a block of one.
  static std::optional<Cidr> parse(std::string_view text);
  bool contains(const IpAddress& ip) const;
};

}  // namespace posthorn

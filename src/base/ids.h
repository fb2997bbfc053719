// Identifiers: a prefix and 27 base62 digits of 20 bytes {seconds since 1400000000 (4, big
// endian), milliseconds / 4 within the second (1), 15 more}. Text order = byte order = time order.
#pragma once
#include <array>
#include <compare>
#include <cstdint>
#include <cstring>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/units.h"

namespace posthorn {

struct IdBytes {
  static constexpr size_t kSize = 20;
  static constexpr size_t kTextSize = 27;
  std::array<uint8_t, kSize> raw{};
  auto operator<=>(const IdBytes&) const = default;

  bool empty() const { return raw == std::array<uint8_t, kSize>{}; }
  std::string_view view() const { return {reinterpret_cast<const char*>(raw.data()), kSize}; }
  // The last eight bytes: random for every id, so they spread well in hash tables and indexes.
  uint64_t tail() const {
    uint64_t value;
    std::memcpy(&value, raw.data() + kSize - sizeof value, sizeof value);
    return value;
  }
  // The time part, exact to four milliseconds.
  WallTime time() const;
  // Writes the time part (rounded down to four milliseconds); times before 2014 count as 2014.
  void set_time(WallTime t);
  // The 27 base62 digits without a prefix.
  std::string base62() const;
  void append_base62(std::string& out) const;
  // Empty when `text` is not exactly 27 base62 digits or is above the range.
  static std::optional<IdBytes> from_base62(std::string_view text);
  // `raw` must have kSize bytes.
  static IdBytes from_raw(std::string_view raw);
};

template <typename Kind>
struct Id {
  IdBytes bytes;
  auto operator<=>(const Id&) const = default;

  static constexpr std::string_view prefix() { return Kind::kPrefix; }
  bool empty() const { return bytes.empty(); }
  std::string text() const {
    std::string out;
    append_text(out);
    return out;
  }
  void append_text(std::string& out) const {
    out.reserve(out.size() + prefix().size() + IdBytes::kTextSize);
    out.append(prefix());
    bytes.append_base62(out);
  }
  static std::optional<Id> parse(std::string_view text) {
    if (!text.starts_with(prefix())) return std::nullopt;
    const auto parsed = IdBytes::from_base62(text.substr(prefix().size()));
    if (!parsed) return std::nullopt;
    return Id{*parsed};
  }
  static Id from_raw(std::string_view raw) { return Id{IdBytes::from_raw(raw)}; }
};

struct OrganizationKind {
  static constexpr std::string_view kPrefix = "org_";
};
struct ApplicationKind {
  static constexpr std::string_view kPrefix = "app_";
};
struct EndpointKind {
  static constexpr std::string_view kPrefix = "ep_";
};
struct MessageKind {
  static constexpr std::string_view kPrefix = "msg_";
};
struct AttemptKind {
  static constexpr std::string_view kPrefix = "atmpt_";
};

using OrganizationId = Id<OrganizationKind>;
using AppId = Id<ApplicationKind>;
using EndpointId = Id<EndpointKind>;
using MessageId = Id<MessageKind>;
using AttemptId = Id<AttemptKind>;

}  // namespace posthorn

template <typename Kind>
struct std::hash<posthorn::Id<Kind>> {
  size_t operator()(const posthorn::Id<Kind>& id) const { return id.bytes.tail(); }
};
template <>
struct std::hash<posthorn::Seq> {
  size_t operator()(posthorn::Seq s) const { return s.value * 0x9E3779B97F4A7C15ull; }
};

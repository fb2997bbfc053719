// Little-endian encoding into a growing string and bounds-checked decoding from a view. Used by
// every format on disk; a ByteReader that has run out stays failed and yields zeros.
#pragma once
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace posthorn {

using ByteView = std::string_view;

template <typename Int>
inline void store_le(char* to, Int value) {
  std::memcpy(to, &value, sizeof(Int));
}
template <typename Int>
inline Int load_le(const char* from) {
  Int value;
  std::memcpy(&value, from, sizeof(Int));
  return value;
}
static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "store_le assumes a little-endian host");

class ByteWriter {
 public:
  explicit ByteWriter(std::string& out) : out_(out) {}
  void u8(uint8_t v) { out_.push_back(static_cast<char>(v)); }
  void u16(uint16_t v) { integer(v); }
  void u32(uint32_t v) { integer(v); }
  void u64(uint64_t v) { integer(v); }
  void bytes(ByteView v) { out_.append(v); }
  // A length of 32 bits, then the bytes.
  void string32(ByteView v) {
    u32(static_cast<uint32_t>(v.size()));
    bytes(v);
  }
  size_t size() const { return out_.size(); }

 private:
  template <typename Int>
  void integer(Int v) {
    char raw[sizeof(Int)];
    store_le(raw, v);
    out_.append(raw, sizeof(Int));
  }
  std::string& out_;
};

class ByteReader {
 public:
  explicit ByteReader(ByteView in) : in_(in) {}
  uint8_t u8() { return integer<uint8_t>(); }
  uint16_t u16() { return integer<uint16_t>(); }
  uint32_t u32() { return integer<uint32_t>(); }
  uint64_t u64() { return integer<uint64_t>(); }
  // A view into the input; empty and failed when fewer bytes are left.
  ByteView bytes(size_t count) {
    if (failed_ || in_.size() < count) {
      failed_ = true;
      return {};
    }
    const ByteView taken = in_.substr(0, count);
    in_.remove_prefix(count);
    return taken;
  }
  ByteView string32() { return bytes(u32()); }
  size_t remaining() const { return in_.size(); }
  bool failed() const { return failed_; }
  // True when everything was read and nothing was missing.
  bool complete() const { return !failed_ && in_.empty(); }

 private:
  template <typename Int>
  Int integer() {
    const ByteView raw = bytes(sizeof(Int));
    return raw.empty() ? Int{0} : load_le<Int>(raw.data());
  }
  ByteView in_;
  bool failed_ = false;
};

}  // namespace posthorn

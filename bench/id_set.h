// pure: which counters of a run were seen, one bit each. Generator (acknowledged) and sink
// (delivered) keep one; the driver subtracts one from the other to find what was lost.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace posthorn::bench {

class IdSet {
 public:
  static constexpr uint64_t kIdsMax = uint64_t{1} << 28;  // 32 MiB of bits

  enum class Insert { kFresh, kRepeated, kOutOfRange };
  Insert insert(uint64_t n);

  void clear();
  uint64_t count() const { return count_; }

  // Bit n of the set is bit n % 8 of byte n / 8. Valid until the next insert.
  std::string_view bytes() const;

 private:
  std::vector<uint64_t> words_;
  uint64_t count_ = 0;
};

}  // namespace posthorn::bench

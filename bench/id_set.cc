// pure: the bitmap behind IdSet; grows in steps so that inserts in order stay cheap.
#include "id_set.h"

#include <algorithm>
#include <bit>

namespace posthorn::bench {

static_assert(std::endian::native == std::endian::little, "bytes() shows the words as they are");

IdSet::Insert IdSet::insert(uint64_t n) {
  if (n >= kIdsMax) return Insert::kOutOfRange;
  const size_t word = static_cast<size_t>(n / 64);
  if (word >= words_.size()) words_.resize(std::max(word + 1, words_.size() * 2), 0);
  const uint64_t bit = uint64_t{1} << (n % 64);
  if ((words_[word] & bit) != 0) return Insert::kRepeated;
  words_[word] |= bit;
  ++count_;
  return Insert::kFresh;
}

void IdSet::clear() {
  words_.clear();
  count_ = 0;
}

std::string_view IdSet::bytes() const {
  return {reinterpret_cast<const char*>(words_.data()), words_.size() * sizeof(uint64_t)};
}

}  // namespace posthorn::bench

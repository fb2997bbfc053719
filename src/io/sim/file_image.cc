// The content of a simulated file, by sectors.
#include "io/sim/file_image.h"

#include <algorithm>
#include <cstring>

namespace posthorn::io::sim {
namespace {

// A sector that is written again and again without a sync keeps so many of its states.
constexpr size_t kVersionsMax = 16;

}  // namespace

size_t FileImage::read(uint64_t offset, std::span<char> into) const {
  if (offset >= size_) return 0;
  const size_t count = std::min<uint64_t>(into.size(), size_ - offset);
  std::memset(into.data(), 0, count);
  const uint64_t end = offset + count;
  for (auto at = sectors_->lower_bound(offset / kSectorBytes); at != sectors_->end(); ++at) {
    const uint64_t start = at->first * kSectorBytes;
    if (start >= end) break;
    const uint64_t from = std::max(offset, start), to = std::min(end, start + kSectorBytes);
    std::memcpy(into.data() + (from - offset), at->second.data() + (from - start), to - from);
  }
  return count;
}

FileImage::Sectors& FileImage::sectors_to_change() {
  if (sectors_.use_count() > 1) sectors_ = std::make_shared<Sectors>(*sectors_);
  return *sectors_;
}

FileImage::Sector FileImage::load(uint64_t sector) const {
  const auto at = sectors_->find(sector);
  return at == sectors_->end() ? Sector{} : at->second;
}

void FileImage::store(uint64_t sector, const Sector& bytes) {
  if (bytes == Sector{}) {
    sectors_to_change().erase(sector);
  } else {
    sectors_to_change()[sector] = bytes;
  }
}

void FileImage::write_sector(uint64_t sector, size_t from, ByteView bytes) {
  Sector now = load(sector);
  Versions& versions = unsynced_[sector];
  if (versions.since_sync.empty()) versions.since_sync.push_back(now);
  bytes.copy(now.data() + from, bytes.size());
  if (versions.since_sync.size() == kVersionsMax) {
    versions.since_sync.erase(versions.since_sync.begin() + 1);
  }
  versions.since_sync.push_back(now);
  versions.given_up = false;
  store(sector, now);
}

void FileImage::write(uint64_t offset, ByteView bytes) {
  if (bytes.empty()) return;
  const uint64_t end = offset + bytes.size();
  use_pages(offset / kPageBytes, (end + kPageBytes - 1) / kPageBytes);
  if (end > size_) {
    size_ = end;
    sizes_.push_back(size_);
  }
  while (!bytes.empty()) {
    const size_t from = offset % kSectorBytes;
    const size_t count = std::min(bytes.size(), kSectorBytes - from);
    write_sector(offset / kSectorBytes, from, bytes.substr(0, count));
    offset += count;
    bytes.remove_prefix(count);
  }
}

// Zeroes [from, to); sectors that are zeros already keep their state.
void FileImage::zero(uint64_t from, uint64_t to) {
  std::vector<uint64_t> touched;
  for (auto at = sectors_->lower_bound(from / kSectorBytes); at != sectors_->end(); ++at) {
    if (at->first * kSectorBytes >= to) break;
    touched.push_back(at->first);
  }
  static constexpr Sector kZeros{};
  for (const uint64_t sector : touched) {
    const uint64_t start = sector * kSectorBytes;
    const uint64_t first = std::max(from, start), last = std::min(to, start + kSectorBytes);
    write_sector(sector, first - start, ByteView(kZeros.data(), last - first));
  }
}

void FileImage::truncate(uint64_t size) {
  if (size == size_) return;
  if (size < size_) {
    zero(size, size_);
    free_pages((size + kPageBytes - 1) / kPageBytes, pages_.size());
  }
  size_ = size;
  sizes_.push_back(size_);
}

void FileImage::allocate(uint64_t size) {
  use_pages(0, (size + kPageBytes - 1) / kPageBytes);
  if (size <= size_) return;
  size_ = size;
  sizes_.push_back(size_);
}

void FileImage::punch(uint64_t offset, uint64_t length) {
  const uint64_t end = std::min(offset + length, size_);
  if (offset >= end) return;
  zero(offset, end);
  free_pages((offset + kPageBytes - 1) / kPageBytes, end / kPageBytes);
}

void FileImage::sync() {
  std::erase_if(unsynced_, [](const auto& entry) { return !entry.second.given_up; });
  sizes_ = {size_};
}

void FileImage::fail_sync() {
  for (auto& [sector, versions] : unsynced_) versions.given_up = true;
}

void FileImage::cut_power(PowerCut how, Rng& rng) {
  for (const auto& [sector, versions] : unsynced_) {
    const auto& states = versions.since_sync;
    if (how == PowerCut::kDrop || versions.given_up) store(sector, states.front());
    if (how == PowerCut::kTear && !versions.given_up) {
      store(sector, states[rng.below(states.size())]);
    }
  }
  if (how == PowerCut::kDrop) size_ = sizes_.front();
  if (how == PowerCut::kTear) size_ = sizes_[rng.below(sizes_.size())];
  // What lies beyond the end is not there any more; it must not come back when the file grows.
  Sectors& sectors = sectors_to_change();
  sectors.erase(sectors.lower_bound((size_ + kSectorBytes - 1) / kSectorBytes), sectors.end());
  if (size_ % kSectorBytes != 0) {
    Sector last = load(size_ / kSectorBytes);
    std::fill(last.begin() + static_cast<ptrdiff_t>(size_ % kSectorBytes), last.end(), '\0');
    store(size_ / kSectorBytes, last);
  }
  unsynced_.clear();
  sizes_ = {size_};
  free_pages((size_ + kPageBytes - 1) / kPageBytes, pages_.size());
}

void FileImage::flip_bits(uint64_t offset, uint8_t mask) {
  if (offset >= size_) return;
  Sector sector = load(offset / kSectorBytes);
  char& byte = sector[offset % kSectorBytes];
  byte = static_cast<char>(static_cast<uint8_t>(byte) ^ mask);
  store(offset / kSectorBytes, sector);
}

uint64_t FileImage::pages_needed(uint64_t offset, uint64_t length) const {
  uint64_t needed = 0;
  const uint64_t end = (offset + length + kPageBytes - 1) / kPageBytes;
  for (uint64_t page = offset / kPageBytes; page < end; ++page) {
    if (page >= pages_.size() || !pages_[page]) ++needed;
  }
  return needed;
}

void FileImage::use_pages(uint64_t from_page, uint64_t to_page) {
  if (pages_.size() < to_page) pages_.resize(to_page);
  for (uint64_t page = from_page; page < to_page; ++page) {
    pages_used_ += pages_[page] ? 0 : 1;
    pages_[page] = true;
  }
}

void FileImage::free_pages(uint64_t from_page, uint64_t to_page) {
  for (uint64_t page = from_page; page < std::min<uint64_t>(to_page, pages_.size()); ++page) {
    pages_used_ -= pages_[page] ? 1 : 0;
    pages_[page] = false;
  }
}

}  // namespace posthorn::io::sim

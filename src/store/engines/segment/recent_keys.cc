// pure: the hash table of recent dedupe keys.
#include "store/engines/segment/recent_keys.h"

#include <algorithm>

#include "base/bytes.h"
#include "base/check.h"

namespace posthorn::store::segment {
namespace {
constexpr size_t kSlotsMin = 64;
static_assert(sizeof(DedupeEntry) == 24);
}  // namespace

KeyTable::KeyTable(size_t keys_max, uint64_t seed)
    : slots_(kSlotsMin), keys_max_(keys_max), seed_(seed) {}

size_t KeyTable::slot_of(const model::DedupeKey& key) const {
  const auto* raw = reinterpret_cast<const char*>(key.bytes.data());
  uint64_t hash = (load_le<uint64_t>(raw) ^ seed_) * 0x9E3779B97F4A7C15ull;
  hash = (hash ^ (hash >> 32) ^ load_le<uint64_t>(raw + 8)) * 0xBF58476D1CE4E5B9ull;
  const size_t mask = slots_.size() - 1;
  size_t at = (hash >> 20) & mask;
  while (slots_[at].seq.value != 0 && slots_[at].key != key) at = (at + 1) & mask;
  return at;
}

std::optional<Seq> KeyTable::find(const model::DedupeKey& key) const {
  const Seq seq = slots_[slot_of(key)].seq;
  return seq.value == 0 ? std::nullopt : std::optional(seq);
}

bool KeyTable::insert(const model::DedupeKey& key, Seq seq, WallTime at) {
  CHECK(seq.value != 0, "a key without a message");
  if ((size_ + 1) * 4 > slots_.size() * 3) grow();
  DedupeEntry& slot = slots_[slot_of(key)];
  if (slot.seq.value == 0) {
    if (size_ == keys_max_) return false;
    ++size_;
  }
  slot = {key, seq};
  if (first_.value == 0) {
    first_ = seq;
    oldest_ = at;
  }
  first_ = std::min(first_, seq);
  last_ = std::max(last_, seq);
  oldest_ = std::min(oldest_, at);
  newest_ = std::max(newest_, at);
  return true;
}

void KeyTable::grow() {
  std::vector<DedupeEntry> old(slots_.size() * 2);
  old.swap(slots_);
  for (const DedupeEntry& entry : old) {
    if (entry.seq.value != 0) slots_[slot_of(entry.key)] = entry;
  }
}

std::vector<DedupeEntry> KeyTable::sorted() const {
  std::vector<DedupeEntry> entries;
  entries.reserve(size_);
  for (const DedupeEntry& entry : slots_) {
    if (entry.seq.value != 0) entries.push_back(entry);
  }
  std::sort(entries.begin(), entries.end(),
            [](const DedupeEntry& a, const DedupeEntry& b) { return a.key < b.key; });
  return entries;
}

RecentKeys::RecentKeys(size_t keys_max, uint64_t seed)
    : keys_max_(keys_max), seed_(seed), filling_(std::make_unique<KeyTable>(keys_max, seed)) {}

std::optional<Seq> RecentKeys::find(const model::DedupeKey& key) const {
  if (const auto found = filling_->find(key)) return found;
  for (auto table = frozen_.rbegin(); table != frozen_.rend(); ++table) {
    if (const auto found = (*table)->find(key)) return found;
  }
  return std::nullopt;
}

bool RecentKeys::insert(const model::DedupeKey& key, Seq seq, WallTime at) {
  return filling_->insert(key, seq, at);
}

size_t RecentKeys::size() const {
  size_t keys = filling_->size();
  for (const auto& table : frozen_) keys += table->size();
  return keys;
}

bool RecentKeys::full() const { return filling_->size() == keys_max_; }

std::shared_ptr<const KeyTable> RecentKeys::freeze() {
  if (filling_->size() == 0) return nullptr;
  frozen_.push_back(std::move(filling_));
  filling_ = std::make_unique<KeyTable>(keys_max_, seed_);
  return frozen_.back();
}

void RecentKeys::release(const std::shared_ptr<const KeyTable>& table) {
  std::erase(frozen_, table);
}

}  // namespace posthorn::store::segment

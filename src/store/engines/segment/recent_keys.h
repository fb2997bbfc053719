// pure: the idempotency and event-id keys that no key file holds yet: what the committer checks,
// in memory only. Filled by the committer; frozen tables are written out by DedupeTiers.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "base/units.h"
#include "model/message.h"

namespace posthorn::store::segment {

struct DedupeEntry {
  model::DedupeKey key;
  Seq seq;
};

// Open addressing, 24 bytes an entry, at most 3/4 full. Not thread-safe while it grows; immutable
// once it is shared as const.
class KeyTable {
 public:
  // Grows up to `keys_max` keys. `seed` is random, so that nobody can choose keys that collide.
  KeyTable(size_t keys_max, uint64_t seed);
  std::optional<Seq> find(const model::DedupeKey& key) const;
  // False when the table is full. A key that is there gets the new seq.
  bool insert(const model::DedupeKey& key, Seq seq, WallTime at);
  size_t size() const { return size_; }
  size_t keys_max() const { return keys_max_; }
  WallTime oldest() const { return oldest_; }  // acceptance times of its messages
  WallTime newest() const { return newest_; }
  Seq first() const { return first_; }  // the range of their seqs; 0: empty
  Seq last() const { return last_; }
  // Ascending by key.
  std::vector<DedupeEntry> sorted() const;

 private:
  // The slot of the key, or the free one where it belongs.
  size_t slot_of(const model::DedupeKey& key) const;
  void grow();

  std::vector<DedupeEntry> slots_;  // a power of two of them; seq 0: free
  size_t keys_max_;
  uint64_t seed_;
  size_t size_ = 0;
  WallTime oldest_;
  WallTime newest_;
  Seq first_;
  Seq last_;
};

// The committer's view: the table that fills and the frozen ones. Commit thread only; the frozen
// tables may be read by another thread at the same time.
class RecentKeys {
 public:
  explicit RecentKeys(size_t keys_max, uint64_t seed = 0);
  std::optional<Seq> find(const model::DedupeKey& key) const;
  // `at` is the message's acceptance. False when the table is full: freeze() first.
  bool insert(const model::DedupeKey& key, Seq seq, WallTime at);
  size_t size() const;
  bool full() const;
  // Hands the filled table over to be written (null when it is empty) and goes on with a new one;
  // lookups still see the frozen one until release().
  std::shared_ptr<const KeyTable> freeze();
  // The table is in a key file since a while. An append that was looked up in the tiers before they
  // had it must not be committed any more: it would miss a duplicate.
  void release(const std::shared_ptr<const KeyTable>& table);

 private:
  const size_t keys_max_;
  const uint64_t seed_;
  std::unique_ptr<KeyTable> filling_;
  std::vector<std::shared_ptr<const KeyTable>> frozen_;
};

}  // namespace posthorn::store::segment

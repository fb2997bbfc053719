// One key file: its range, its times and the filter layers of it that are in memory; and the
// choices of which files to merge and which layers to hold. Private to the dedupe tiers.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "model/message.h"
#include "store/engines/segment/file_names.h"
#include "store/engines/segment/sorted_merge.h"

namespace posthorn::store::segment {

// Key → seq. Four layers of four bits a key and three probes: 0.06 % false positives together,
// 15 % for one alone.
inline constexpr TableShape kKeyShape{
    .table = 1,
    .key_bytes = 16,
    .value_bytes = 8,
    .filter = {.key_bytes = 16, .layers = 4, .bits_per_key = 4, .probes = 3}};

using FilterLayer = std::shared_ptr<const std::vector<FilterLine>>;

// Immutable.
struct KeyFile {
  NumberRange seqs;
  WallTime oldest;  // acceptance of its messages
  WallTime newest;
  SortedFileRef file;               // null: it cannot be opened
  std::vector<FilterLayer> layers;  // the first ones, as many as are in memory
  bool damaged = false;             // not to be merged; to be made again

  uint64_t keys() const { return file ? file->table(kKeyShape.table)->entries : 0; }
  size_t layer_bytes() const {
    if (!file) return 0;
    return file->table(kKeyShape.table)->filter_lines * kFilterLineBytes;
  }
  // May read the disk.
  Result<std::optional<Seq>> find(const model::DedupeKey& key) const;
  // False when a layer in memory says that the key is not there.
  bool may_contain(const FilterHash& hash) const;
};
using KeyFileRef = std::shared_ptr<const KeyFile>;
using KeyFiles = std::vector<KeyFileRef>;  // ascending by seqs

inline ByteView key_view(const model::DedupeKey& key) {
  return {reinterpret_cast<const char*>(key.bytes.data()), key.bytes.size()};
}

// Adjacent files that should become one; empty: none. Small ones soon, then by age, so that there
// are about as many as 1, 1, 2, 4, 8 and 16 hours.
KeyFiles plan_key_merge(const KeyFiles& files);

// How many layers of each file to hold within so many bytes: where they save most lookups.
std::vector<uint8_t> plan_layers(const KeyFiles& files, size_t bytes_max);

// Meta of a key file := oldest i64, newest i64.
std::string encode_key_meta(WallTime oldest, WallTime newest);
Result<KeyFileRef> open_key_file(BlockCache& cache, const std::string& path,
                                 const NumberRange& seqs);

}  // namespace posthorn::store::segment

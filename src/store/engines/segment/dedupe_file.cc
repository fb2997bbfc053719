// Key files, and what to merge and to hold of them.
#include "store/engines/segment/dedupe_file.h"

#include <algorithm>

namespace posthorn::store::segment {
namespace {

constexpr microseconds kHour = std::chrono::hours(1);
constexpr int kClasses = 5;  // spans of up to 1, 2, 4, 8 and 16 hours
constexpr microseconds kSpanMax = kHour * (1 << (kClasses - 1));
constexpr size_t kSmallFilesMax = 8;   // of about the same size, next to one another
constexpr double kLayerErrors = 0.15;  // false positives of one layer

microseconds span_of(const KeyFile& first, const KeyFile& last) {
  return std::max(last.newest - first.oldest, microseconds(0));
}

// 0: up to an hour, … kClasses - 1: up to sixteen; kClasses: more.
int span_class(const KeyFile& file) {
  const microseconds span = span_of(file, file);
  for (int c = 0; c < kClasses; ++c) {
    if (span <= kHour * (1 << c)) return c;
  }
  return kClasses;
}

// The longest row of adjacent files from `at` on that `fits`, which is asked with first and next.
template <typename Fits>
KeyFiles row_from(const KeyFiles& files, size_t at, Fits fits) {
  KeyFiles row{files[at]};
  while (at + row.size() < files.size() && fits(*files[at], *files[at + row.size()])) {
    row.push_back(files[at + row.size()]);
  }
  return row;
}

bool within_hour(const KeyFile& first, const KeyFile& next) {
  return !first.damaged && !next.damaged && span_of(first, next) <= kHour;
}

// Several files of one hour, the largest of which is no larger than the others together: the
// result is at least twice as large, so a key is rewritten few times.
KeyFiles plan_small(const KeyFiles& files) {
  for (size_t at = 0; at + kSmallFilesMax <= files.size(); ++at) {
    KeyFiles row = row_from(files, at, within_hour);
    if (row.size() < kSmallFilesMax) continue;
    uint64_t largest = 0;
    uint64_t all = 0;
    for (const KeyFileRef& file : row) {
      largest = std::max(largest, file->keys());
      all += file->keys();
    }
    if (largest <= all - largest) return row;
  }
  return {};
}

// An hour that is over, which shows by a file behind it: one file is enough for it.
KeyFiles plan_hour(const KeyFiles& files) {
  for (size_t at = 0; at < files.size(); ++at) {
    KeyFiles row = row_from(files, at, within_hour);
    if (row.size() > 1 && at + row.size() < files.size()) return row;
  }
  return {};
}

// The two oldest neighbours of a class that has too many. The last hour is left to the others.
KeyFiles plan_age(const KeyFiles& files) {
  const WallTime complete = files.back()->newest - kHour;
  for (int c = 0; c < kClasses - 1; ++c) {
    const auto in_class = [&](const KeyFileRef& file) {
      return span_class(*file) == c && file->newest < complete;
    };
    const auto count = std::count_if(files.begin(), files.end(), in_class);
    if (count <= (c == 0 ? 2 : 1)) continue;
    for (size_t at = 0; at + 1 < files.size(); ++at) {
      const KeyFile& first = *files[at];
      const KeyFile& next = *files[at + 1];
      const bool pair = in_class(files[at]) && in_class(files[at + 1]);
      if (pair && !first.damaged && !next.damaged && span_of(first, next) <= kSpanMax)
        return {files[at], files[at + 1]};
    }
  }
  return {};
}

}  // namespace

bool KeyFile::may_contain(const FilterHash& hash) const {
  for (uint8_t layer = 0; layer < layers.size(); ++layer) {
    const std::vector<FilterLine>& lines = *layers[layer];
    const FilterLine& line = lines[filter_line_of(hash, lines.size())];
    if (!filter_may_contain(line, hash, kKeyShape.filter, layer)) return false;
  }
  return true;
}

Result<std::optional<Seq>> KeyFile::find(const model::DedupeKey& key) const {
  if (!file) return error(Errc::kCorrupt, "a key file cannot be opened");
  const auto asked = static_cast<uint8_t>(layers.size());
  PH_ASSIGN(const bool may, file->may_contain(kKeyShape.table, key_view(key), asked));
  if (!may) return std::optional<Seq>();
  PH_ASSIGN(const auto entry, file->find(kKeyShape.table, key_view(key)));
  if (!entry) return std::optional<Seq>();
  return std::optional(Seq{load_le<uint64_t>(entry->data() + kKeyShape.key_bytes)});
}

KeyFiles plan_key_merge(const KeyFiles& files) {
  if (files.size() < 2) return {};
  KeyFiles chosen = plan_small(files);
  if (chosen.empty()) chosen = plan_hour(files);
  if (chosen.empty()) chosen = plan_age(files);
  return chosen;
}

std::vector<uint8_t> plan_layers(const KeyFiles& files, size_t bytes_max) {
  std::vector<uint8_t> layers(files.size(), 0);
  std::vector<double> gain(files.size());  // lookups saved a byte by one more layer
  for (size_t i = 0; i < files.size(); ++i) {
    gain[i] = 1.0 / static_cast<double>(std::max<size_t>(files[i]->layer_bytes(), 1));
  }
  size_t left = bytes_max;
  while (!files.empty()) {
    const auto best =
        static_cast<size_t>(std::max_element(gain.begin(), gain.end()) - gain.begin());
    if (gain[best] <= 0) break;
    const size_t bytes = files[best]->layer_bytes();
    const bool fits = bytes > 0 && bytes <= left && layers[best] < kKeyShape.filter.layers;
    if (fits) {
      left -= bytes;
      ++layers[best];
    }
    gain[best] = fits ? gain[best] * kLayerErrors : 0;
  }
  return layers;
}

std::string encode_key_meta(WallTime oldest, WallTime newest) {
  std::string meta;
  ByteWriter out(meta);
  out.u64(static_cast<uint64_t>(oldest.us));
  out.u64(static_cast<uint64_t>(newest.us));
  return meta;
}

Result<KeyFileRef> open_key_file(BlockCache& cache, const std::string& path,
                                 const NumberRange& seqs) {
  auto key_file = std::make_shared<KeyFile>();
  PH_ASSIGN(key_file->file, SortedFile::open(cache, path));
  const TableInfo* info = key_file->file->table(kKeyShape.table);
  ByteReader meta(key_file->file->meta());
  key_file->seqs = seqs;
  key_file->oldest = WallTime{static_cast<int64_t>(meta.u64())};
  key_file->newest = WallTime{static_cast<int64_t>(meta.u64())};
  const bool fits = meta.complete() && info != nullptr && info->entries > 0 &&
                    info->shape.key_bytes == kKeyShape.key_bytes &&
                    info->shape.value_bytes == kKeyShape.value_bytes &&
                    info->shape.filter == kKeyShape.filter && info->filter_lines > 0;
  if (!fits) return error(Errc::kCorrupt, path + " is no key file");
  return KeyFileRef(std::move(key_file));
}

}  // namespace posthorn::store::segment

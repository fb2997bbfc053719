// Checked 4 KiB blocks of immutable files, kept by bytes, the least recently used dropped first.
// Used by every reader of index, sidecar, key and due files.
#pragma once
#include <array>
#include <list>
#include <memory>
#include <span>
#include <string>
#include <unordered_map>

#include "store/engines/segment/block.h"
#include "store/engines/segment/open_files.h"

namespace posthorn::store::segment {

using Block = std::array<char, kBlockBytes>;
using BlockRef = std::shared_ptr<const Block>;

inline ByteView view_of(const Block& block) { return {block.data(), block.size()}; }

// A file as the cache knows it: by a hash of its path, computed once.
struct CachedFile {
  explicit CachedFile(std::string at);
  std::string path;
  uint64_t hash;
};

struct BlockCacheCounts {
  uint64_t hits = 0;
  uint64_t misses = 0;  // = blocks read from the disk
};

// Thread-safe; reads of the disk happen outside the lock.
class BlockCache {
 public:
  BlockCache(OpenFiles& files, size_t bytes_max);

  // kCorrupt when the block fails its checksum; the message names file and block.
  Result<BlockRef> read(const CachedFile& file, uint32_t number);
  // Number of whole blocks in the file; kCorrupt when its size is not a multiple.
  Result<uint32_t> blocks_of(const CachedFile& file);
  // Fills `into` (whole blocks) from block `first` on, checked, past the cache: for scans that
  // would push everything else out.
  Status read_past(const CachedFile& file, uint32_t first, std::span<char> into);
  // To be called when a file is removed, or written anew under the same name.
  void forget(const CachedFile& file);
  BlockCacheCounts counts() const;

 private:
  struct Key {
    uint64_t file;  // hash of the path
    uint32_t number;
    bool operator==(const Key&) const = default;
  };
  struct KeyHash {
    size_t operator()(const Key& key) const {
      return key.file ^ (key.number * 0x9E3779B97F4A7C15ull);
    }
  };
  struct Held {
    Key key;
    BlockRef block;
  };
  struct State {
    std::list<Held> by_use;  // the latest first
    std::unordered_map<Key, std::list<Held>::iterator, KeyHash> by_key;
    BlockCacheCounts counts;
  };

  OpenFiles& files_;
  const size_t blocks_max_;
  io::Guarded<State> state_;
};

}  // namespace posthorn::store::segment

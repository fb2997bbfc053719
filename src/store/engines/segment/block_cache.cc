// The block cache: a list by last use and a map by (file, number).
#include "store/engines/segment/block_cache.h"

#include <algorithm>

namespace posthorn::store::segment {
namespace {

uint64_t path_hash(const std::string& path) {
  uint64_t hash = 0xcbf29ce484222325ull;
  for (const char c : path) hash = (hash ^ static_cast<uint8_t>(c)) * 0x100000001b3ull;
  return hash ^ (hash >> 29);
}

Error damaged(const CachedFile& file, uint64_t number, std::string_view what) {
  return error(Errc::kCorrupt, fmt::format("{}: block {} {}", file.path, number, what));
}

}  // namespace

CachedFile::CachedFile(std::string at) : path(std::move(at)), hash(path_hash(path)) {}

BlockCache::BlockCache(OpenFiles& files, size_t bytes_max)
    : files_(files), blocks_max_(std::max<size_t>(bytes_max / kBlockBytes, 16)) {}

Result<BlockRef> BlockCache::read(const CachedFile& file, uint32_t number) {
  const Key key{file.hash, number};
  auto held = state_.with([&](State& state) -> BlockRef {
    const auto found = state.by_key.find(key);
    ++(found == state.by_key.end() ? state.counts.misses : state.counts.hits);
    if (found == state.by_key.end()) return nullptr;
    state.by_use.splice(state.by_use.begin(), state.by_use, found->second);
    return found->second->block;
  });
  if (held) return held;

  auto block = std::make_shared<Block>();
  PH_TRY(read_past(file, number, {block->data(), block->size()}));

  BlockRef dropped;  // freed outside the lock
  state_.with([&](State& state) {
    if (state.by_key.contains(key)) return;  // another thread was faster
    state.by_use.push_front(Held{key, block});
    state.by_key[key] = state.by_use.begin();
    if (state.by_use.size() <= blocks_max_) return;
    dropped = std::move(state.by_use.back().block);
    state.by_key.erase(state.by_use.back().key);
    state.by_use.pop_back();
  });
  return BlockRef(std::move(block));
}

Status BlockCache::read_past(const CachedFile& file, uint32_t first, std::span<char> into) {
  PH_ASSIGN(const auto open, files_.open(file.path));
  PH_ASSIGN(const size_t got, open->read(uint64_t{first} * kBlockBytes, into));
  if (got != into.size()) return damaged(file, first + got / kBlockBytes, "is missing");
  for (size_t at = 0; at < into.size(); at += kBlockBytes) {
    const auto number = static_cast<uint32_t>(first + at / kBlockBytes);
    if (!block_is_sound({into.data() + at, kBlockBytes}, number)) {
      return damaged(file, number, "fails its checksum");
    }
  }
  return {};
}

Result<uint32_t> BlockCache::blocks_of(const CachedFile& file) {
  PH_ASSIGN(const auto open, files_.open(file.path));
  PH_ASSIGN(const uint64_t size, open->size());
  if (size == 0 || size % kBlockBytes != 0 || size / kBlockBytes > ~uint32_t{0}) {
    return error(Errc::kCorrupt, fmt::format("{}: {} bytes are no whole blocks", file.path, size));
  }
  return static_cast<uint32_t>(size / kBlockBytes);
}

void BlockCache::forget(const CachedFile& file) {
  files_.forget(file.path);
  std::list<Held> dropped;  // freed outside the lock
  state_.with([&](State& state) {
    for (auto at = state.by_use.begin(); at != state.by_use.end();) {
      const auto here = at++;
      if (here->key.file != file.hash) continue;
      state.by_key.erase(here->key);
      dropped.splice(dropped.begin(), state.by_use, here);
    }
  });
}

BlockCacheCounts BlockCache::counts() const {
  return state_.with([](const State& state) { return state.counts; });
}

}  // namespace posthorn::store::segment

// Walking the tree of a sorted table: one block a level, the root first.
#include <algorithm>

#include "store/engines/segment/sorted_format.h"

namespace posthorn::store::segment {

size_t SortedCursor::width(size_t level) const {
  const bool leaf = level + 1 == info_->levels;
  return info_->shape.entry_bytes() + (leaf ? 0 : kChildBytes);
}

ByteView SortedCursor::entry_at(size_t level, uint16_t at) const {
  const Level& here = path_[level];
  return {here.block->data() + kBlockHeaderBytes + at * width(level), info_->shape.entry_bytes()};
}

ByteView SortedCursor::entry() const {
  CHECK(valid_, "entry() of a cursor that is nowhere");
  return entry_at(path_.size() - 1, path_.back().at);
}

uint64_t TableInfo::slots() const {
  return uint64_t{end_block - first_block} * entries_per_block(shape.entry_bytes());
}

uint64_t SortedCursor::slot() const {
  CHECK(valid_, "slot() of a cursor that is nowhere");
  const Level& leaf = path_.back();
  return uint64_t{leaf.number - info_->first_block} *
             entries_per_block(info_->shape.entry_bytes()) +
         leaf.at;
}

Status SortedCursor::enter(size_t level, uint32_t number) {
  const bool leaf = level + 1 == info_->levels;
  if (number < info_->first_block || number >= info_->end_block) {
    return file_->damaged(number, "is outside of its table");
  }
  PH_ASSIGN(BlockRef block,
            file_->block(number, leaf ? BlockKind::kLeaf : BlockKind::kBranch, info_->shape.table));
  const uint16_t count = block_header(view_of(*block)).count;
  if (count == 0 || count > entries_per_block(width(level))) {
    return file_->damaged(number, "has an impossible count");
  }
  path_.resize(level);
  path_.push_back(Level{std::move(block), number, count, 0});
  return {};
}

// From the current place of the last level in path_ down to a leaf, to its first or last entry.
Status SortedCursor::descend(bool to_last) {
  while (path_.size() < info_->levels) {
    const size_t level = path_.size() - 1;
    const ByteView entry = entry_at(level, path_[level].at);
    PH_TRY(enter(level + 1, load_le<uint32_t>(entry.data() + entry.size())));
    if (to_last) path_.back().at = static_cast<uint16_t>(path_.back().count - 1);
  }
  valid_ = true;
  return {};
}

Status SortedCursor::seek_where(const Before& before) {
  valid_ = false;
  if (info_->entries == 0) return {};
  path_.clear();
  uint32_t number = info_->root;
  for (size_t level = 0; level < info_->levels; ++level) {
    PH_TRY(enter(level, number));
    uint16_t low = 0;
    uint16_t high = path_[level].count;
    while (low < high) {
      const auto middle = static_cast<uint16_t>((low + high) / 2);
      if (before(entry_at(level, middle)))
        low = static_cast<uint16_t>(middle + 1);
      else
        high = middle;
    }
    if (level + 1 == info_->levels) {
      path_[level].at = low;
      break;
    }
    // The wanted entry is in the last child that begins before it, or begins the next one.
    path_[level].at = static_cast<uint16_t>(low == 0 ? 0 : low - 1);
    const ByteView child = entry_at(level, path_[level].at);
    number = load_le<uint32_t>(child.data() + child.size());
  }
  if (path_.back().at < path_.back().count) {
    valid_ = true;
    return {};
  }
  path_.back().at = static_cast<uint16_t>(path_.back().count - 1);
  return step(true);
}

Status SortedCursor::seek(ByteView key) {
  return seek_where([key](ByteView entry) { return entry.substr(0, key.size()) < key; });
}

Status SortedCursor::seek_below(ByteView key) {
  PH_TRY(seek(key));
  return valid_ ? prev() : seek_last();
}

Status SortedCursor::seek_first() {
  valid_ = false;
  if (info_->entries == 0) return {};
  path_.clear();
  PH_TRY(enter(0, info_->root));
  return descend(false);
}

Status SortedCursor::seek_last() {
  valid_ = false;
  if (info_->entries == 0) return {};
  path_.clear();
  PH_TRY(enter(0, info_->root));
  path_[0].at = static_cast<uint16_t>(path_[0].count - 1);
  return descend(true);
}

Status SortedCursor::next() { return step(true); }
Status SortedCursor::prev() { return step(false); }

Status SortedCursor::step(bool forward) {
  valid_ = false;
  size_t level = path_.size();
  while (level > 0) {
    Level& here = path_[level - 1];
    const bool room = forward ? here.at + 1 < here.count : here.at > 0;
    if (room) break;
    --level;
  }
  if (level == 0) return {};
  const uint32_t left = path_.back().number;
  Level& turn = path_[level - 1];
  turn.at = static_cast<uint16_t>(forward ? turn.at + 1 : turn.at - 1);
  if (level == path_.size()) {
    valid_ = true;
    return {};
  }
  path_.resize(level);
  PH_TRY(descend(!forward));
  // Leaves were written in order; a tree that says otherwise could keep a reader for ever.
  const uint32_t entered = path_.back().number;
  if (forward ? entered > left : entered < left) return {};
  valid_ = false;
  return file_->damaged(entered, "is reached out of order");
}

}  // namespace posthorn::store::segment

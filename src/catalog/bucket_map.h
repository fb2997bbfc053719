// An immutable hash map as a tree of small buckets: a changed copy shares everything with the
// original but one bucket and the few nodes above it, so that a change among 100,000 entries
// costs microseconds, and no single change pays for a growing table.
#pragma once
#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace posthorn::catalog {

// How keys are hashed; specialise it for keys that are looked up by another type. Equal keys of
// both types must hash alike.
template <typename Key>
struct BucketHash {
  uint64_t operator()(const Key& key) const { return std::hash<Key>{}(key); }
};
template <>
struct BucketHash<std::string> {
  uint64_t operator()(std::string_view key) const { return std::hash<std::string_view>{}(key); }
};

template <typename Key, typename Value>
class BucketMap {
 public:
  using Entry = std::pair<Key, Value>;

  // All entries at once, for the start; no two of them with one key.
  static BucketMap from(std::vector<Entry> entries) {
    BucketMap map;
    map.size_ = entries.size();
    if (!entries.empty()) map.root_ = node_of(std::move(entries), 0);
    return map;
  }

  // `key` may be of any type that BucketHash<Key> takes and that compares with Key (a string_view
  // for strings); nothing is allocated. Null when it is not there; valid as long as this map.
  template <typename Like = Key>
  const Value* find(const Like& key) const {
    const uint64_t hash = spread(key);
    const Node* node = root_.get();
    for (unsigned level = 0; node != nullptr && node->branch != nullptr; ++level) {
      node = (*node->branch)[digit(hash, level)].get();
    }
    if (node == nullptr) return nullptr;
    for (const Entry& entry : node->entries) {
      if (entry.first == key) return &entry.second;
    }
    return nullptr;
  }

  // A copy with `key` set to `value`.
  BucketMap with(const Key& key, Value value) const {
    BucketMap copy;
    Put put{spread(key), Entry(key, std::move(value))};
    copy.root_ = set(root_.get(), 0, put);
    copy.size_ = size_ + (put.added ? 1 : 0);
    return copy;
  }

  // A copy without `key`.
  BucketMap without(const Key& key) const {
    if (find(key) == nullptr) return *this;
    BucketMap copy;
    copy.root_ = erase(*root_, 0, spread(key), key);
    copy.size_ = size_ - 1;
    return copy;
  }

  // In no particular order.
  template <typename Visit>
  void for_each(Visit&& visit) const {
    if (root_ != nullptr) walk(*root_, visit);
  }

  size_t size() const { return size_; }

 private:
  struct Node;
  using NodeRef = std::shared_ptr<const Node>;
  static constexpr unsigned kDigitBits = 4;
  static constexpr size_t kFanout = 1u << kDigitBits;
  static constexpr unsigned kLevels = 64 / kDigitBits;
  static constexpr size_t kBucketMax = 12;  // a fuller bucket is split while hash digits are left
  using Branch = std::array<NodeRef, kFanout>;

  // Either a branch or a bucket of entries.
  struct Node {
    std::unique_ptr<Branch> branch;
    std::vector<Entry> entries;
  };

  struct Put {
    uint64_t hash;
    Entry entry;         // moved from once it is placed
    bool added = false;  // it replaced none
  };

  // Ids hash to random bits, but a weak hash must not make the tree deep.
  template <typename Like>
  static uint64_t spread(const Like& key) {
    return BucketHash<Key>{}(key)*0x9E3779B97F4A7C15ull;
  }
  static size_t digit(uint64_t hash, unsigned level) {
    return (hash >> (64 - kDigitBits * (level + 1))) & (kFanout - 1);
  }

  static std::shared_ptr<Node> copy_branch(const Node& node) {
    auto copy = std::make_shared<Node>();
    copy->branch = std::make_unique<Branch>(*node.branch);
    return copy;
  }

  static NodeRef set(const Node* node, unsigned level, Put& put) {
    if (node != nullptr && node->branch != nullptr) {
      auto copy = copy_branch(*node);
      NodeRef& child = (*copy->branch)[digit(put.hash, level)];
      child = set(child.get(), level + 1, put);
      return copy;
    }
    auto bucket = std::make_shared<Node>();
    if (node != nullptr) bucket->entries = node->entries;
    for (Entry& present : bucket->entries) {
      if (!(present.first == put.entry.first)) continue;
      present.second = std::move(put.entry.second);
      return bucket;
    }
    put.added = true;
    bucket->entries.push_back(std::move(put.entry));
    if (bucket->entries.size() <= kBucketMax) return bucket;
    return node_of(std::move(bucket->entries), level);
  }

  // One bucket, or a branch when they are too many and hash digits are left.
  static NodeRef node_of(std::vector<Entry> entries, unsigned level) {
    auto node = std::make_shared<Node>();
    if (entries.size() <= kBucketMax || level >= kLevels) {
      node->entries = std::move(entries);
      return node;
    }
    std::array<std::vector<Entry>, kFanout> children;
    for (Entry& entry : entries) {
      children[digit(spread(entry.first), level)].push_back(std::move(entry));
    }
    node->branch = std::make_unique<Branch>();
    for (size_t at = 0; at < kFanout; ++at) {
      if (children[at].empty()) continue;
      (*node->branch)[at] = node_of(std::move(children[at]), level + 1);
    }
    return node;
  }

  // `key` is there. Branches that have become empty go; others are not joined again.
  static NodeRef erase(const Node& node, unsigned level, uint64_t hash, const Key& key) {
    if (node.branch == nullptr) {
      if (node.entries.size() == 1) return nullptr;
      auto bucket = std::make_shared<Node>();
      for (const Entry& entry : node.entries) {
        if (!(entry.first == key)) bucket->entries.push_back(entry);
      }
      return bucket;
    }
    auto copy = copy_branch(node);
    NodeRef& child = (*copy->branch)[digit(hash, level)];
    child = erase(*child, level + 1, hash, key);
    for (const NodeRef& left : *copy->branch) {
      if (left != nullptr) return copy;
    }
    return nullptr;
  }

  template <typename Visit>
  static void walk(const Node& node, Visit& visit) {
    for (const Entry& entry : node.entries) visit(entry.first, entry.second);
    if (node.branch == nullptr) return;
    for (const NodeRef& child : *node.branch) {
      if (child != nullptr) walk(*child, visit);
    }
  }

  NodeRef root_;
  size_t size_ = 0;
};

}  // namespace posthorn::catalog

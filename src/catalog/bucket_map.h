// An immutable hash map in buckets: a changed copy shares all buckets but one with the original,
// so that one change among 100,000 entries costs one bucket and the table of pointers.
#pragma once
#include <algorithm>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

namespace posthorn::catalog {

template <typename Key, typename Value>
class BucketMap {
 public:
  using Entry = std::pair<Key, Value>;

  const Value* find(const Key& key) const {
    if (buckets_.empty()) return nullptr;
    const auto& bucket = buckets_[place(key, buckets_.size())];
    if (bucket == nullptr) return nullptr;
    for (const Entry& entry : *bucket) {
      if (entry.first == key) return &entry.second;
    }
    return nullptr;
  }

  // A copy with `key` set to `value`.
  BucketMap with(const Key& key, Value value) const {
    BucketMap copy = size_ + 1 > kLoad * buckets_.size() ? rehashed() : *this;
    auto bucket = copy.copy_bucket(key);
    bool replaced = false;
    for (Entry& entry : *bucket) {
      if (entry.first != key) continue;
      entry.second = std::move(value);
      replaced = true;
      break;
    }
    if (!replaced) {
      bucket->emplace_back(key, std::move(value));
      ++copy.size_;
    }
    copy.buckets_[place(key, copy.buckets_.size())] = std::move(bucket);
    return copy;
  }

  // A copy without `key`.
  BucketMap without(const Key& key) const {
    if (find(key) == nullptr) return *this;
    BucketMap copy = *this;
    auto bucket = copy.copy_bucket(key);
    std::erase_if(*bucket, [&](const Entry& entry) { return entry.first == key; });
    copy.buckets_[place(key, copy.buckets_.size())] = std::move(bucket);
    --copy.size_;
    return copy;
  }

  // In no particular order.
  template <typename Visit>
  void for_each(Visit&& visit) const {
    for (const auto& bucket : buckets_) {
      if (bucket == nullptr) continue;
      for (const Entry& entry : *bucket) visit(entry.first, entry.second);
    }
  }

  size_t size() const { return size_; }

 private:
  using Bucket = std::vector<Entry>;
  static constexpr size_t kLoad = 16;  // entries per bucket before the table grows
  static constexpr size_t kBucketsMin = 16;

  static size_t place(const Key& key, size_t count) {
    return (std::hash<Key>{}(key)*0x9E3779B97F4A7C15ull >> 20) % count;
  }
  std::shared_ptr<Bucket> copy_bucket(const Key& key) const {
    const auto& bucket = buckets_[place(key, buckets_.size())];
    return bucket == nullptr ? std::make_shared<Bucket>() : std::make_shared<Bucket>(*bucket);
  }
  BucketMap rehashed() const {
    BucketMap grown;
    const size_t count = std::max(kBucketsMin, buckets_.size() * 4);
    std::vector<std::shared_ptr<Bucket>> fresh(count);
    for_each([&](const Key& key, const Value& value) {
      auto& bucket = fresh[place(key, count)];
      if (bucket == nullptr) bucket = std::make_shared<Bucket>();
      bucket->emplace_back(key, value);
    });
    grown.buckets_.assign(fresh.begin(), fresh.end());
    grown.size_ = size_;
    return grown;
  }

  std::vector<std::shared_ptr<const Bucket>> buckets_;
  size_t size_ = 0;
};

}  // namespace posthorn::catalog

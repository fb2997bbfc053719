// A value behind a mutex: the only way in is with(). For state that a worker thread and readers
// share; never held across blocking calls. Mutexes live in io/ and base/log only.
#pragma once
#include <mutex>
#include <utility>

namespace posthorn::io {

template <typename T>
class Guarded {
 public:
  Guarded() = default;
  explicit Guarded(T value) : value_(std::move(value)) {}

  // Runs `use` on the value while holding the lock; answers what it answers.
  template <typename Use>
  decltype(auto) with(Use&& use) {
    const std::lock_guard<std::mutex> hold(mutex_);
    return std::forward<Use>(use)(value_);
  }
  template <typename Use>
  decltype(auto) with(Use&& use) const {
    const std::lock_guard<std::mutex> hold(mutex_);
    return std::forward<Use>(use)(value_);
  }

 private:
  mutable std::mutex mutex_;
  T value_{};
};

}  // namespace posthorn::io

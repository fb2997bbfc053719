// UniqueFunction: a move-only callable with room for 56 bytes inside it, so that completion
// handlers that capture a few pointers cost no allocation. (std::move_only_function is C++23.)
#pragma once
#include <cstddef>
#include <new>
#include <type_traits>
#include <utility>

#include "base/check.h"

namespace posthorn {

template <typename Signature>
class UniqueFunction;

template <typename R, typename... Args>
class UniqueFunction<R(Args...)> {
 public:
  UniqueFunction() = default;
  UniqueFunction(std::nullptr_t) {}  // NOLINT(google-explicit-constructor)

  template <typename F>
    requires(!std::is_same_v<std::decay_t<F>, UniqueFunction> &&
             std::is_invocable_r_v<R, std::decay_t<F>&, Args...>)
  UniqueFunction(F&& callable) {  // NOLINT(google-explicit-constructor)
    using Callable = std::decay_t<F>;
    if constexpr (fits<Callable>()) {
      new (storage_) Callable(std::forward<F>(callable));
    } else {
      *reinterpret_cast<Callable**>(storage_) = new Callable(std::forward<F>(callable));
    }
    operations_ = &kOperations<Callable>;
  }

  UniqueFunction(UniqueFunction&& other) noexcept { take(other); }
  UniqueFunction& operator=(UniqueFunction&& other) noexcept {
    if (this != &other) {
      reset();
      take(other);
    }
    return *this;
  }
  UniqueFunction(const UniqueFunction&) = delete;
  UniqueFunction& operator=(const UniqueFunction&) = delete;
  ~UniqueFunction() { reset(); }

  explicit operator bool() const { return operations_ != nullptr; }

  R operator()(Args... args) {
    CHECK(operations_ != nullptr, "empty function called");
    return operations_->invoke(storage_, std::forward<Args>(args)...);
  }

 private:
  static constexpr size_t kInlineBytes = 56;

  struct Operations {
    R (*invoke)(void*, Args&&...);
    void (*move)(void* from, void* to) noexcept;
    void (*destroy)(void*) noexcept;
  };

  template <typename Callable>
  static constexpr bool fits() {
    return sizeof(Callable) <= kInlineBytes && alignof(Callable) <= alignof(std::max_align_t) &&
           std::is_nothrow_move_constructible_v<Callable>;
  }

  template <typename Callable>
  static Callable& target(void* storage) {
    if constexpr (fits<Callable>())
      return *std::launder(reinterpret_cast<Callable*>(storage));
    else
      return **reinterpret_cast<Callable**>(storage);
  }

  template <typename Callable>
  static constexpr Operations kOperations = {
      [](void* storage, Args&&... args) -> R {
        return target<Callable>(storage)(std::forward<Args>(args)...);
      },
      [](void* from, void* to) noexcept {
        if constexpr (fits<Callable>()) {
          new (to) Callable(std::move(target<Callable>(from)));
          target<Callable>(from).~Callable();
        } else {
          *reinterpret_cast<Callable**>(to) = *reinterpret_cast<Callable**>(from);
        }
      },
      [](void* storage) noexcept {
        if constexpr (fits<Callable>())
          target<Callable>(storage).~Callable();
        else
          delete *reinterpret_cast<Callable**>(storage);
      }};

  void take(UniqueFunction& other) noexcept {
    operations_ = std::exchange(other.operations_, nullptr);
    if (operations_ != nullptr) operations_->move(other.storage_, storage_);
  }
  void reset() noexcept {
    if (operations_ != nullptr) std::exchange(operations_, nullptr)->destroy(storage_);
  }

  alignas(std::max_align_t) std::byte storage_[kInlineBytes];
  const Operations* operations_ = nullptr;
};

using Task = UniqueFunction<void()>;

}  // namespace posthorn

// A bounded queue into a loop from any thread. Values are moved; the receiving loop is woken once
// for all that gathered in the meantime.
#pragma once
#include <functional>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "base/function.h"
#include "io/loop.h"

namespace posthorn::io {

template <typename T>
class Mailbox {
 public:
  using Receive = UniqueFunction<void(std::vector<T>&)>;

  // `receive` runs on the loop with all waiting values in the order of their push (per sender).
  // The mailbox must outlive the last push; it may be destroyed on the loop's thread only.
  Mailbox(Loop& loop, size_t capacity, Receive receive)
      : state_(std::make_shared<State>(loop, capacity, std::move(receive))) {}
  ~Mailbox() { state_->receive = nullptr; }
  Mailbox(const Mailbox&) = delete;
  Mailbox& operator=(const Mailbox&) = delete;

  // Thread-safe. False when the mailbox is full; the value is then untouched.
  bool push(T&& value) {
    {
      const std::lock_guard<std::mutex> hold(state_->mutex);
      if (state_->waiting.size() >= state_->capacity) return false;
      state_->waiting.push_back(std::move(value));
      if (std::exchange(state_->woken, true)) return true;
    }
    state_->loop.post_remote([state = state_] { drain(*state); });
    return true;
  }

 private:
  struct State {
    State(Loop& l, size_t c, Receive r) : loop(l), capacity(c), receive(std::move(r)) {}
    Loop& loop;
    const size_t capacity;
    Receive receive;  // loop thread only
    std::mutex mutex;
    std::vector<T> waiting;  // guarded by mutex
    bool woken = false;      // guarded by mutex
    std::vector<T> taken;    // loop thread only; kept for its capacity
  };

  static void drain(State& state) {
    {
      const std::lock_guard<std::mutex> hold(state.mutex);
      state.taken.swap(state.waiting);
      state.woken = false;
    }
    if (state.receive) state.receive(state.taken);
    state.taken.clear();
  }

  std::shared_ptr<State> state_;
};

}  // namespace posthorn::io

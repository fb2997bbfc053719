// A descriptor on the reactor.
#include "io/linux/fd_watch.h"

#include <boost/asio/posix/basic_stream_descriptor.hpp>

#include <array>

#include "io/linux/reactor.h"

namespace posthorn::io {

using AsioDescriptor = boost::asio::posix::basic_stream_descriptor<Reactor::Executor>;

struct FdWatch::State {
  State(Reactor& r, int fd) : reactor(r), descriptor(r.context(), fd) {}
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() { descriptor.release(); }

  Reactor& reactor;
  AsioDescriptor descriptor;
  std::array<Task, 2> on_ready;
  // Grows with each cancel(), so that an aborted wait cannot fire the next one.
  uint64_t generation = 0;
};

FdWatch::FdWatch(Reactor& reactor, int fd) : state_(std::make_shared<State>(reactor, fd)) {}

FdWatch::~FdWatch() { cancel(); }

void FdWatch::wait(Event event, Task on_ready) {
  const size_t which = static_cast<size_t>(event);
  state_->on_ready[which] = std::move(on_ready);
  state_->descriptor.async_wait(
      event == Event::kReadable ? AsioDescriptor::wait_read : AsioDescriptor::wait_write,
      [state = state_, which, generation = state_->generation](const auto& /*failure*/) {
        if (generation != state->generation) return;
        const Reactor::Turn turn(state->reactor);
        Task ready = std::exchange(state->on_ready[which], nullptr);
        if (ready) ready();
      });
}

void FdWatch::cancel() {
  ++state_->generation;
  for (Task& task : state_->on_ready) task = nullptr;
  boost::system::error_code ignored;
  state_->descriptor.cancel(ignored);
}

}  // namespace posthorn::io

// Which loops have which snapshot. Holds no lock while a receiver runs.
#include "catalog/internal/publisher.h"

namespace posthorn::catalog {

Publisher::~Publisher() {
  state_.with([](State& state) {
    for (auto& attached : state.loops) attached->closed = true;
  });
}

SnapshotRef Publisher::current() const {
  return state_.with([](const State& state) { return state.current; });
}

void Publisher::attach(io::Loop& loop, Receive receive) {
  auto attached = std::make_shared<Attached>(loop, std::move(receive));
  // Taken together, so that no snapshot falls between the first call and the posted ones.
  const SnapshotRef first = state_.with([&](State& state) {
    state.loops.push_back(attached);
    return state.current;
  });
  if (first != nullptr) attached->receive(first);
}

void Publisher::publish(SnapshotRef snapshot, Task seen) {
  const auto loops = state_.with([&](State& state) {
    state.current = snapshot;
    return state.loops;
  });
  if (loops.empty()) {
    if (seen) seen();
    return;
  }
  auto wave = std::make_shared<Wave>(loops.size(), std::move(seen));
  for (const auto& attached : loops) {
    attached->loop.post_remote([attached, snapshot, wave] {
      if (attached->closed) return;
      attached->receive(snapshot);
      if (wave->waiting.fetch_sub(1) == 1 && wave->seen) wave->seen();
    });
  }
}

}  // namespace posthorn::catalog

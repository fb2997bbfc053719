// What the process does beside its work: one bounded step of the store's maintenance after another,
// and what retention has to append. Runs on a thread of its own, each second or at once while there
// is more; appends from the loop.
#pragma once
#include <functional>
#include <memory>

#include "io/host.h"
#include "io/steady_wall.h"
#include "io/timer.h"
#include "record/retention.h"
#include "store/store.h"

namespace posthorn::app {

struct UpkeepDeps {
  io::Host& host;
  io::Loop& loop;
  store::Store& store;
};

class Upkeep {
 public:
  // Told on the loop of every lane whose deliveries up to a place ended in the log.
  using OnExpired = std::function<void(const model::Command&)>;

  Upkeep(const UpkeepDeps& deps, record::RetentionLimits limits, OnExpired on_expired);
  ~Upkeep();  // waits for the step under way; the loop must not run meanwhile
  Upkeep(const Upkeep&) = delete;
  Upkeep& operator=(const Upkeep&) = delete;

  // On the loop's thread, as the next.
  void begin() { step(); }
  // Starts no step any more.
  void stop() { stopping_ = true; }

 private:
  struct Found {
    bool more = false;
    std::vector<model::Command> commands;
  };
  void step();
  Found look();  // on the worker
  void found(const Found& found);
  void append(const std::vector<model::Command>& commands);

  io::Loop& loop_;
  store::Store& store_;
  record::Retention retention_;  // on the worker
  OnExpired on_expired_;
  bool under_way_ = false;
  bool stopping_ = false;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  io::Timer timer_;
  const io::SteadyWall time_;
  std::unique_ptr<io::Worker> worker_;  // last: its task uses the others
};

}  // namespace posthorn::app

// The power goes after every changing call to the disk in turn; what the engine says afterwards is
// compared with the reference model fed with what was acknowledged and with a prefix of what was
// not answered. POSTHORN_FULL=1 cuts after every call, otherwise a sample is taken.
#include <gtest/gtest.h>

#include <cstdlib>
#include <deque>

#include "store/conformance/random_load.h"
#include "store/conformance/store_suite.h"

namespace posthorn::store {

void link_crash_suite() {}

namespace {

constexpr int kBatches = 60;
constexpr uint64_t kSampleStep = 13;

bool full_run() { return std::getenv("POSTHORN_FULL") != nullptr; }

// A run of random batches, up to three of them in flight, with maintenance and a restart in
// between; ends early when the disk fails.
class CrashRun {
 public:
  CrashRun(io::sim::World& world, const std::string& engine, uint64_t seed)
      : world_(world), driver_(world, engine), load_(seed, {.resends = false}) {
    driver_.options.limits.segment_bytes = 32u << 10;
    driver_.options.limits.group_bytes_max = 12u << 10;
  }

  void run() {
    if (!driver_.open().ok()) return;
    for (int i = 0; i < kBatches && world_.storage().powered(); ++i) {
      start_one();
      if (load_.rng().below(3) == 0) world_.run_for(milliseconds{1 + load_.rng().below(5)});
      collect();
      while (answers_.size() > 3 && world_.storage().powered()) {
        world_.run_for(milliseconds{1});
        collect();
      }
      const uint64_t what = load_.rng().below(24);
      if (what == 0) {
        drain();
        (void)driver_.maintain();
      }
      if (what == 1) {
        drain();
        if (!driver_.open().ok()) return;
      }
    }
    drain();
  }

  // The process is gone; the machine starts again.
  void restart(io::sim::PowerCut how) {
    if (world_.storage().powered()) world_.storage().cut_power_after(0);
    driver_.settle();
    collect();
    driver_.abandon();
    driver_.settle();
    collect();
    answers_.clear();
    world_.storage().reboot(how);
  }

  std::string check() {
    if (const Status opened = driver_.open(); !opened.ok()) return opened.error().message;
    std::string wrong = twin_.settle_unknown(driver_.store());
    if (wrong.empty()) wrong = twin_.difference(driver_.store());
    return wrong;
  }

  StoreDriver& driver() { return driver_; }

 private:
  void start_one() {
    // What is in flight is not in the model yet, so the load does not refer to it.
    Batch batch = load_.next(twin_.model(), world_.clock().wall());
    if (!driver_.drop_known(batch).ok()) return;
    twin_.started(batch);
    if (driver_.start(std::move(batch), answers_.emplace_back()).ok()) return;
    EXPECT_FALSE(world_.storage().powered()) << "refused although the disk works";
    twin_.refused();
    answers_.pop_back();
  }

  void collect() {
    while (!answers_.empty() && answers_.front()) {
      AppendResult& result = *answers_.front();
      if (!result.ok()) return;  // unknown: stays with the twin
      twin_.answered(*result);
      answers_.pop_front();
    }
  }
  void drain() {
    driver_.settle();
    collect();
  }

  io::sim::World& world_;
  StoreDriver driver_;
  RandomLoad load_;
  ModelTwin twin_;
  std::deque<std::optional<AppendResult>> answers_;
};

uint64_t changes_of_whole_run(const std::string& engine, uint64_t seed) {
  io::sim::World world(seed);
  CrashRun run(world, engine, seed);
  run.run();
  return world.storage().changes();
}

void cut_everywhere(const std::string& engine, io::sim::PowerCut how, uint64_t seed) {
  const uint64_t changes = changes_of_whole_run(engine, seed);
  ASSERT_GT(changes, 100u);
  const uint64_t step = full_run() ? 1 : kSampleStep;
  for (uint64_t cut = seed % step; cut < changes; cut += step) {
    io::sim::World world(seed);
    CrashRun run(world, engine, seed);
    world.storage().cut_power_after(cut);
    run.run();
    run.restart(how);
    ASSERT_EQ(run.check(), "") << "power cut after " << cut << " changes, seed " << seed;
    // Life goes on, and a second crash right after it finds the same.
    ASSERT_NE(run.driver().post(message_to(1, {1})), nullptr);
  }
}

TEST_P(PersistentStoreSuite, SurvivesAPowerCutThatDropsWhatWasNotSynced) {
  cut_everywhere(GetParam().name, io::sim::PowerCut::kDrop, 1);
}
TEST_P(PersistentStoreSuite, SurvivesAPowerCutThatTearsWhatWasNotSynced) {
  cut_everywhere(GetParam().name, io::sim::PowerCut::kTear, 2);
}
TEST_P(PersistentStoreSuite, SurvivesAKillThatKeepsWhatWasNotSynced) {
  cut_everywhere(GetParam().name, io::sim::PowerCut::kKeep, 3);
}

}  // namespace
}  // namespace posthorn::store

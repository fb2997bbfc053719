// Configuration on the simulated disk: the power is cut after every call that changes something,
// calls fail one by one, the disk fills up. What was acknowledged must be there, and nothing else
// but the one change that was under way, whole or not at all.
#include <gtest/gtest.h>

#include "io/sim/world.h"
#include "store/conformance/config_store_suite.h"
#include "store/engines/memory/config_memory.h"
#include "store/engines/sqlite/config_sqlite.h"

namespace posthorn::store {
namespace {

using io::sim::DiskCall;
using io::sim::DiskFault;
using io::sim::PowerCut;
using io::sim::World;

constexpr const char* kFolder = "/data";
constexpr const char* kPath = "/data/config.db";
constexpr uint64_t kSeed = 7;
constexpr size_t kChanges = 16;
// So few that the changes of one run move the log into the database several times.
constexpr SqliteConfigOptions kOptions{.checkpoint_pages = 16};

// The changes of every run, and what the store must hold after each.
struct Script {
  std::vector<std::vector<ConfigChange>> changes;
  std::vector<std::string> states;  // before the first, after the first, …
};

const Script& script() {
  static const Script kScript = [] {
    Script made;
    ConfigChangeMaker maker(kSeed);
    const auto reference = make_memory_config_store();
    made.states.push_back(describe(reference->load().value()));
    while (made.changes.size() < kChanges) {
      auto changes = maker.next();
      if (!reference->apply(changes).ok()) continue;
      made.changes.push_back(std::move(changes));
      made.states.push_back(describe(reference->load().value()));
    }
    return made;
  }();
  return kScript;
}

struct Outcome {
  size_t acknowledged = 0;
  bool unknown = false;  // the change after them may be there too
};

// Opens the store and applies the changes from `first` on until one fails.
Outcome run_changes(World& world, size_t first) {
  Outcome run{first, false};
  auto store = open_sqlite_config_store(world, kPath, kOptions);
  if (!store.ok()) return run;
  while (run.acknowledged < script().changes.size()) {
    const auto applied = store.value()->apply(script().changes[run.acknowledged]);
    if (!applied.ok()) {
      run.unknown = applied.error().code == Errc::kUnknownOutcome;
      return run;
    }
    ++run.acknowledged;
  }
  return run;
}

// How many changes the store holds now; fails the test when it is in none of the two states that
// are allowed.
size_t check_recovery(World& world, const Outcome& run) {
  auto store = open_sqlite_config_store(world, kPath, kOptions);
  EXPECT_TRUE(store.ok()) << (store.ok() ? "" : store.error().message);
  if (!store.ok()) return run.acknowledged;
  auto rows = store.value()->load();
  EXPECT_TRUE(rows.ok()) << (rows.ok() ? "" : rows.error().message);
  if (!rows.ok()) return run.acknowledged;
  const std::string found = describe(rows.value());
  const std::vector<std::string>& states = script().states;
  if (run.unknown && found == states[run.acknowledged + 1]) return run.acknowledged + 1;
  EXPECT_EQ(found, states[run.acknowledged]);
  return run.acknowledged;
}

std::unique_ptr<World> make_world(uint64_t seed) {
  auto world = std::make_unique<World>(seed);
  CHECK(world->disk().make_directory(kFolder).ok());
  CHECK(world->disk().sync_directory("/").ok());
  return world;
}

// Calls that change the disk in one run without a fault.
uint64_t calls_of_a_run() {
  auto world = make_world(kSeed);
  const uint64_t before = world->storage().changes();
  EXPECT_EQ(run_changes(*world, 0).acknowledged, kChanges);
  return world->storage().changes() - before;
}

void cut_everywhere(PowerCut how) {
  const uint64_t calls = calls_of_a_run();
  ASSERT_GT(calls, 200u);
  for (uint64_t cut = 0; cut <= calls; ++cut) {
    SCOPED_TRACE(testing::Message() << "power cut after " << cut << " calls");
    auto world = make_world(kSeed + cut);
    world->storage().cut_power_after(cut);
    const Outcome run = run_changes(*world, 0);
    world->storage().reboot(how);
    const size_t found = check_recovery(*world, run);
    // It works on from there.
    EXPECT_EQ(run_changes(*world, found).acknowledged, kChanges);
    check_recovery(*world, Outcome{kChanges, false});
    if (testing::Test::HasFailure()) return;
  }
}

TEST(SqliteConfigCrash, SurvivesAPowerCutThatDropsUnsyncedBytes) {
  cut_everywhere(PowerCut::kDrop);
}
TEST(SqliteConfigCrash, SurvivesAPowerCutThatTearsUnsyncedBytes) {
  cut_everywhere(PowerCut::kTear);
}
TEST(SqliteConfigCrash, SurvivesAPowerCutThatKeepsUnsyncedBytes) {
  cut_everywhere(PowerCut::kKeep);
}

TEST(SqliteConfigCrash, SurvivesPowerCutsDuringRecovery) {
  const uint64_t calls = calls_of_a_run();
  Rng rng(kSeed);
  for (int round = 0; round < 150; ++round) {
    SCOPED_TRACE(testing::Message() << "round " << round);
    auto world = make_world(rng.next());
    Outcome run;
    for (int cut = 0; cut < 4; ++cut) {
      world->storage().cut_power_after(rng.below(cut == 0 ? calls : 40));
      Outcome next = run_changes(*world, run.acknowledged);
      // A store that did not open has not settled what was unknown before.
      const bool settled = next.acknowledged > run.acknowledged || next.unknown;
      if (!settled) next.unknown = run.unknown;
      world->storage().reboot(PowerCut::kTear);
      run = Outcome{check_recovery(*world, next), false};
    }
    EXPECT_EQ(run_changes(*world, run.acknowledged).acknowledged, kChanges);
    if (testing::Test::HasFailure()) return;
  }
}

// Every call of a run fails once; then the process starts again, on what the system still holds
// or, after a power cut, on what was synced.
void fail_every(DiskCall call, PowerCut how) {
  const uint64_t calls = calls_of_a_run();
  uint64_t failed = 0;
  for (uint64_t nth = 1; nth <= calls; ++nth) {
    SCOPED_TRACE(testing::Message() << "call " << nth);
    auto world = make_world(kSeed + nth);
    world->storage().inject(DiskFault{.call = call, .nth = nth});
    // A failure that only delays moving the log into the database stops nothing.
    const Outcome run = run_changes(*world, 0);
    if (run.acknowledged < kChanges) ++failed;
    world->storage().reboot(how);
    const size_t found = check_recovery(*world, run);
    EXPECT_EQ(run_changes(*world, found).acknowledged, kChanges);
    if (testing::Test::HasFailure()) return;
  }
  EXPECT_GE(failed, kChanges) << "the fault did not strike";
}

TEST(SqliteConfigCrash, SurvivesAnyWriteThatFails) {
  fail_every(DiskCall::kWrite, PowerCut::kTear);
}
TEST(SqliteConfigCrash, SurvivesAnySyncThatFails) { fail_every(DiskCall::kSync, PowerCut::kDrop); }

TEST(SqliteConfigCrash, BelievesNothingAfterAFailedSync) {
  auto world = make_world(kSeed);
  auto store = open_sqlite_config_store(*world, kPath, kOptions);
  ASSERT_TRUE(store.ok());
  ASSERT_TRUE(store.value()->apply({PutSetting{{"a", "1"}}}).ok());
  world->storage().inject(DiskFault{.call = DiskCall::kSync});
  EXPECT_EQ(store.value()->apply({PutSetting{{"a", "2"}}}).error().code, Errc::kUnknownOutcome);
  EXPECT_EQ(store.value()->apply({PutSetting{{"a", "3"}}}).error().code, Errc::kUnavailable);
}

TEST(SqliteConfigCrash, StopsAfterAFailedSyncThatDelayedNothing) {
  auto world = make_world(kSeed);
  auto store = open_sqlite_config_store(*world, kPath, {.checkpoint_pages = 1});
  ASSERT_TRUE(store.ok());
  // Two syncs make the change durable (the new log's header, the change), the third belongs to
  // moving it into the database.
  world->storage().inject(DiskFault{.call = DiskCall::kSync, .nth = 3});
  EXPECT_TRUE(store.value()->apply({PutSetting{{"a", "1"}}}).ok());
  EXPECT_EQ(store.value()->apply({PutSetting{{"a", "2"}}}).error().code, Errc::kUnknownOutcome);
  EXPECT_EQ(store.value()->apply({PutSetting{{"a", "3"}}}).error().code, Errc::kUnavailable);
  store = error(Errc::kInternal, "closed");
  world->storage().reboot(PowerCut::kDrop);
  store = open_sqlite_config_store(*world, kPath, kOptions);
  EXPECT_EQ(store.value()->load().value().settings.at(0).value, "1");
}

TEST(SqliteConfigCrash, GoesOnAfterTheDiskWasFull) {
  auto world = make_world(kSeed);
  auto store = open_sqlite_config_store(*world, kPath, kOptions);
  ASSERT_TRUE(store.ok());
  constexpr uint64_t kQuota = 256 * 1024;
  world->storage().set_quota(kQuota);
  const std::string value(3000, 'v');
  int kept = 0;
  Errc refusal{};
  for (int number = 0; number < 500; ++number) {
    const auto applied =
        store.value()->apply({PutSetting{{fmt::format("setting{}", number), value}}});
    if (!applied.ok()) {
      refusal = applied.error().code;
      break;
    }
    ++kept;
  }
  EXPECT_EQ(refusal, Errc::kNoSpace);
  EXPECT_GT(kept, 10);
  EXPECT_EQ(store.value()->load().value().settings.size(), static_cast<size_t>(kept));
  world->storage().set_quota(kQuota * 8);
  EXPECT_TRUE(store.value()->apply({PutSetting{{"after", value}}}).ok());
  store = error(Errc::kInternal, "closed");
  world->storage().reboot(PowerCut::kDrop);
  store = open_sqlite_config_store(*world, kPath, kOptions);
  EXPECT_EQ(store.value()->load().value().settings.size(), static_cast<size_t>(kept) + 1);
}

// After a clean end the log is gone, after a crash it holds the newest changes.
TEST(SqliteConfigReadOnly, ServesWhatIsThereAndChangesNothing) {
  for (const bool crashed : {false, true}) {
    auto world = make_world(kSeed);
    {
      auto store = open_sqlite_config_store(*world, kPath, {.checkpoint_pages = 1000});
      for (const auto& changes : script().changes) ASSERT_TRUE((*store)->apply(changes).ok());
      if (crashed) world->storage().cut_power_after(0);
    }
    if (crashed) world->storage().reboot(PowerCut::kDrop);
    EXPECT_EQ(world->disk().exists(std::string(kPath) + "-wal"), crashed);
    world->storage().set_read_only(true);
    const uint64_t changes = world->storage().changes();
    {
      auto store = open_config_store(*world, "sqlite", kPath, ConfigAccess::kReadOnly);
      ASSERT_TRUE(store.ok()) << store.error().message;
      const auto rows = (*store)->load();
      ASSERT_TRUE(rows.ok()) << rows.error().message;
      EXPECT_EQ(describe(*rows), script().states.back());
      EXPECT_EQ((*store)->apply(script().changes[0]).error().code, Errc::kUnavailable);
    }
    EXPECT_EQ(world->storage().changes(), changes);
    world->storage().set_read_only(false);
    EXPECT_EQ(check_recovery(*world, {kChanges, false}), kChanges);
  }
}

TEST(SqliteConfigReadOnly, AMissingFileIsAnError) {
  auto world = make_world(kSeed);
  world->storage().set_read_only(true);
  EXPECT_FALSE(open_config_store(*world, "sqlite", kPath, ConfigAccess::kReadOnly).ok());
}

}  // namespace
}  // namespace posthorn::store

#include "store/engines/sqlite/schema.h"

#include <gtest/gtest.h>

#include "io/sim/world.h"
#include "store/conformance/config_store_suite.h"
#include "store/engines/sqlite/config_sqlite.h"

namespace posthorn::store::sqlite {
namespace {

using io::sim::PowerCut;
using io::sim::World;

constexpr const char* kPath = "/config.db";

// The steps of this program and two that a later one might take: a column with a default, and one
// that moves rows.
std::vector<std::string_view> later_steps() {
  const auto known = schema_steps();
  std::vector<std::string_view> steps(known.begin(), known.end());
  steps.emplace_back("ALTER TABLE organization ADD COLUMN colour TEXT NOT NULL DEFAULT 'red'");
  steps.emplace_back(
      "CREATE TABLE preference (name TEXT PRIMARY KEY NOT NULL, value TEXT NOT NULL);"
      "INSERT INTO preference (name, value) SELECT name, value FROM setting;"
      "DELETE FROM setting");
  return steps;
}

int64_t number(Database& database, std::string_view sql) {
  auto statement = database.prepare(sql);
  EXPECT_TRUE(statement.ok()) << (statement.ok() ? "" : statement.error().message);
  if (!statement.ok()) return -1;
  EXPECT_TRUE(statement.value().step().value_or(false));
  const int64_t value = statement.value().integer_at(0);
  statement.value().reset();
  return value;
}

// A file of this program's version with three settings.
void make_older_file(World& world) {
  auto store = open_sqlite_config_store(world, kPath);
  ASSERT_TRUE(store.ok());
  ASSERT_TRUE(store.value()
                  ->apply({PutSetting{{"a", "1"}}, PutSetting{{"b", "2"}}, PutSetting{{"c", "3"}}})
                  .ok());
}

TEST(Schema, KeepsWhatAnOlderFileHolds) {
  World world(1);
  make_older_file(world);
  auto database = Database::open(world, kPath);
  ASSERT_TRUE(database.ok());
  ASSERT_TRUE(migrate(*database.value(), later_steps()).ok());
  EXPECT_EQ(number(*database.value(), "SELECT COUNT(*) FROM preference"), 3);
  EXPECT_EQ(number(*database.value(), "SELECT COUNT(*) FROM setting"), 0);
  // Once is enough.
  ASSERT_TRUE(migrate(*database.value(), later_steps()).ok());
  EXPECT_EQ(number(*database.value(), "SELECT COUNT(*) FROM preference"), 3);
}

TEST(Schema, LeavesTheFileAsItWasWhenAStepFails) {
  World world(1);
  make_older_file(world);
  auto database = Database::open(world, kPath);
  ASSERT_TRUE(database.ok());
  auto steps = later_steps();
  steps.emplace_back("DELETE FROM preference; INSERT INTO nowhere (x) VALUES (1)");
  EXPECT_FALSE(migrate(*database.value(), steps).ok());
  EXPECT_EQ(number(*database.value(), "SELECT COUNT(*) FROM preference"), 3);
  EXPECT_EQ(number(*database.value(), "SELECT MAX(version) FROM schema_version"),
            static_cast<int64_t>(steps.size()) - 1);
}

TEST(Schema, ThisProgramRefusesWhatALaterOneMade) {
  World world(1);
  make_older_file(world);
  {
    auto database = Database::open(world, kPath);
    ASSERT_TRUE(migrate(*database.value(), later_steps()).ok());
  }
  EXPECT_EQ(open_sqlite_config_store(world, kPath).error().code, Errc::kUnsupported);
}

TEST(Schema, SurvivesAPowerCutAnywhereInAMigration) {
  for (uint64_t cut = 0;; ++cut) {
    SCOPED_TRACE(testing::Message() << "power cut after " << cut << " calls");
    World world(cut);
    make_older_file(world);
    world.storage().cut_power_after(cut);
    bool done = false;
    {
      auto database = Database::open(world, kPath);
      done = database.ok() && migrate(*database.value(), later_steps()).ok() &&
             world.storage().powered();
    }
    world.storage().reboot(PowerCut::kTear);
    auto database = Database::open(world, kPath);
    ASSERT_TRUE(database.ok());
    const Status again = migrate(*database.value(), later_steps());
    ASSERT_TRUE(again.ok()) << again.error().message;
    EXPECT_EQ(number(*database.value(), "SELECT COUNT(*) FROM preference"), 3);
    EXPECT_EQ(number(*database.value(), "SELECT COUNT(*) FROM schema_version"),
              static_cast<int64_t>(later_steps().size()));
    if (done || testing::Test::HasFailure()) {
      EXPECT_GT(cut, 10u);
      return;
    }
  }
}

}  // namespace
}  // namespace posthorn::store::sqlite

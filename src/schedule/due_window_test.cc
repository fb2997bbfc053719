#include "schedule/due_window.h"

#include <gtest/gtest.h>

namespace posthorn::schedule {
namespace {

store::DueEntry entry(int64_t due, uint64_t seq) { return {WallTime{due}, Seq{seq}, {}, {}, 1}; }

// Of everything after the horizon.
void add_page(DueWindow& window, const std::vector<store::DueEntry>& entries,
              const store::DueEntry& reached) {
  const store::DueEntry after = window.horizon();
  window.add_page({entries, after, reached});
}

TEST(DueWindow, KeepsWhatLiesWithinTheHorizonOnly) {
  DueWindow window(100);
  window.add(entry(10, 1));
  EXPECT_EQ(window.size(), 0u);  // nothing was read yet: the index has it
  add_page(window, {entry(10, 1)}, DueWindow::end_of(WallTime{50}));
  window.add(entry(40, 2));
  window.add(entry(60, 3));
  EXPECT_EQ(window.size(), 2u);
  EXPECT_EQ(window.take_due(WallTime{39}, 100).size(), 1u);
  EXPECT_EQ(window.take_due(WallTime{40}, 100).size(), 1u);
}

TEST(DueWindow, AnEntryThatAPageBringsAgainCountsOnce) {
  DueWindow window(100);
  add_page(window, {}, DueWindow::end_of(WallTime{50}));
  window.add(entry(40, 2));
  add_page(window, {entry(40, 2)}, DueWindow::end_of(WallTime{90}));
  EXPECT_EQ(window.size(), 1u);
}

TEST(DueWindow, AnIncompletePageMovesTheHorizonToItsLastEntry) {
  DueWindow window(4);
  EXPECT_TRUE(window.wants_page(WallTime{0}, microseconds{100}));
  add_page(window, {entry(7, 1), entry(7, 2)}, entry(7, 2));
  EXPECT_EQ(window.horizon().seq.value, 2u);
  window.add(entry(7, 3));
  EXPECT_EQ(window.size(), 2u);
}

TEST(DueWindow, OverItsLimitTheFarthestGoBackBehindTheHorizon) {
  DueWindow window(2);
  add_page(window, {}, DueWindow::end_of(WallTime{100}));
  window.add(entry(30, 1));
  window.add(entry(20, 2));
  window.add(entry(10, 3));
  EXPECT_EQ(window.size(), 2u);
  EXPECT_EQ(window.horizon().due.us, 20);
  EXPECT_EQ(window.next_due().us, 10);
  window.add(entry(30, 1));
  EXPECT_EQ(window.size(), 2u);
}

TEST(DueWindow, RewindOnlyGoesBack) {
  DueWindow window(10);
  add_page(window, {}, DueWindow::end_of(WallTime{100}));
  window.rewind(entry(200, 1));
  EXPECT_EQ(window.horizon().due.us, 100);
  window.rewind(entry(50, 1));
  EXPECT_EQ(window.horizon().due.us, 50);
}

TEST(DueWindow, APageReadBeforeARewindDoesNotHideWhatLiesInFrontOfIt) {
  DueWindow window(10);
  add_page(window, {}, entry(50, 1));
  const store::DueEntry after = window.horizon();  // a read begins
  window.rewind(entry(20, 1));
  window.add_page({{entry(60, 2)}, after, DueWindow::end_of(WallTime{100})});
  EXPECT_EQ(window.horizon().due.us, 20);
  EXPECT_EQ(window.size(), 1u);
}

}  // namespace
}  // namespace posthorn::schedule

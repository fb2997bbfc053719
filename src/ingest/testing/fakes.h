// A log, a loop and a worker that do exactly what a test says. For tests of ingest/ and above.
#pragma once
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <vector>

#include "io/loop.h"
#include "io/worker.h"
#include "store/message_log.h"

namespace posthorn::ingest::testing {

// Time stands still at `now`; posted tasks wait for run_posted().
class FakeLoop : public io::Loop, public io::Clock {
 public:
  const io::Clock& clock() const override { return *this; }
  MonoTime now() const override { return MonoTime{wall_time.us * 1000}; }
  WallTime wall() const override { return wall_time; }
  io::Net& net() override;
  io::Resolver& resolver() override;
  io::TimerWheel& timers() override;
  void post(Task task) override { posted.push_back(std::move(task)); }
  void post_at_turn_end(Task task) override { posted.push_back(std::move(task)); }
  void post_remote(Task task) override { posted.push_back(std::move(task)); }
  void run() override { run_posted(); }
  void stop() override {}
  void run_posted();

  WallTime wall_time{1'800'000'000'000'000};
  std::deque<Task> posted;
};

class FakeWorker : public io::Worker {
 public:
  bool post(Task task) override;
  void run();

  bool full = false;
  std::deque<Task> posted;
};

// Commits at once, answers through the loop. Keys are known by their first or second byte.
class FakeLog : public store::MessageLog {
 public:
  Status append(store::Batch&& batch, io::Loop& reply_to, OnAppended on_appended) override;
  void observe(io::Loop&, store::CommitObserver*) override {}
  Result<store::MessageRef> read(Seq seq) override;
  Result<store::MessageRef> read(const AppId& app, const MessageId& id) override;
  Result<store::LaneRead> read_lane(const store::LaneQuery&) override;
  Result<store::Page<store::MessageRef>> list(const store::MessageQuery&) override;
  Result<std::optional<store::FirstUse>> find_duplicate(const model::DedupeKey& key) override;
  bool surely_new(const model::DedupeKey& key) const override;
  store::LogHealth health() const override { return {}; }
  Seq last_durable() const override { return Seq{appended.size()}; }

  std::optional<Errc> refuse;               // append answers this at once
  std::optional<Errc> outcome;              // append ends with this
  std::set<int> maybe_stored;               // keys that memory cannot rule out
  std::map<int, store::MessageRef> stored;  // by key; null: no longer stored
  std::map<int, Seq> recent;                // what the committer finds
  std::vector<store::MessageRef> appended;
  int batches = 0;
  int lookups = 0;

 private:
  static int number_of(const model::DedupeKey& key) {
    return key.bytes[0] != 0 ? key.bytes[0] : key.bytes[1];
  }
  store::ItemResult commit(model::Message& message);
};

}  // namespace posthorn::ingest::testing

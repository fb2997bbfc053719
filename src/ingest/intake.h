// Turns drafts of messages into durable ones: dedupe, match, one append, and only then an answer.
// Called by every kind of source (HTTP here, brokers later). One per shard, on its loop; it never
// parses and never renders.
#pragma once
#include <memory>
#include <vector>

#include "base/function.h"
#include "base/result.h"
#include "catalog/snapshot.h"
#include "io/loop.h"
#include "io/worker.h"
#include "store/message_log.h"

namespace posthorn::ingest {

// To which endpoints a message goes: route/match, handed in by app/.
using Match = UniqueFunction<model::Targets(const catalog::AppRef&, const model::Message&)>;
// The shard's own snapshot, as of now.
using CurrentSnapshot = UniqueFunction<catalog::SnapshotRef()>;

struct IntakeDeps {
  io::Loop& loop;
  store::MessageLog& log;
  io::Worker& reader;  // for lookups that read the disk; answers come back to the loop
  CurrentSnapshot snapshot;
  Match match;
};

// What became of one draft.
struct Accepted {
  store::Verdict verdict = store::Verdict::kCommitted;
  // Committed: the draft, now with id, seq and time. Duplicate key: the message that was stored
  // under that key first; null when it is no longer stored. Duplicate event id: null.
  store::MessageRef message;
  // False when the key was used before with another body.
  bool same_body = true;
};

// All of one application; everything is filled in but targets, config_version and what the
// committer makes. An item with an empty identity is never a duplicate.
using Drafts = std::vector<std::shared_ptr<model::Message>>;

class Intake {
 public:
  // One result per draft, in order. An error means that none was accepted (kOverloaded, kNoSpace,
  // kUnavailable, kTooLarge, kNotFound: the application is gone) or, with kUnknownOutcome, that
  // nobody knows.
  using OnAccepted = UniqueFunction<void(Result<std::vector<Accepted>>)>;

  explicit Intake(IntakeDeps deps);
  ~Intake();  // answers that are still out are dropped
  Intake(const Intake&) = delete;
  Intake& operator=(const Intake&) = delete;

  // The drafts that are new become durable together, in order, before `done` runs. A refusal at
  // once may run `done` inside this call.
  void accept(const catalog::AppRef& app, Drafts drafts, OnAccepted done);

  // Calls whose answer is still out.
  size_t pending() const;
  // `idle` runs once when none is (at once when none is now).
  void drain(Task idle);

 private:
  struct Core;
  std::shared_ptr<Core> core_;
};

}  // namespace posthorn::ingest

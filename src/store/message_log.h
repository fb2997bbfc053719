// The log of everything that happened, in order of acceptance. Appends are durable when their
// callback says so; reads see only what is durable.
#pragma once
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/function.h"
#include "io/loop.h"
#include "store/batch.h"

namespace posthorn::store {

// Told of every committed group, on its own loop, in order of seq, before the append callbacks of
// that loop. The span holds the messages of the group (attempts and commands are not shown).
class CommitObserver {
 public:
  virtual ~CommitObserver() = default;
  virtual void on_committed(std::span<const MessageRef> messages) = 0;
};

struct LaneRead {
  std::vector<MessageRef> messages;  // those that name the endpoint, ascending
  Seq next;                          // where to go on; everything below was looked at
  bool at_end = false;               // `next` is the end of the log at the time of the read
};

struct LaneQuery {
  AppId app;
  EndpointId endpoint;
  Seq from;  // inclusive
  size_t count_max = 64;
  size_t payload_bytes_max = 1 << 20;  // stops after the message that passes it
};

// Filters are conjunctive; empty means any. Pages go by (iterator, order): the iterator is the
// last id of the page before.
struct MessageQuery {
  AppId app;
  std::optional<MessageId> after;  // exclusive, in the direction of the order
  bool ascending = false;
  size_t limit = 50;
  WallTime since;   // 0: none; inclusive
  WallTime before;  // 0: none; exclusive
  std::vector<std::string> event_types;
  std::string channel;
  std::string tag;
  bool with_payload = true;
  // A page ends, not done, after so many were looked at, whatever fits; 0: no bound. So a query
  // that few fit holds its reader no longer than another.
  size_t look_max = 0;
};

template <typename T>
struct Page {
  std::vector<T> items;
  bool done = true;
  // Where the look ended for look_max: the next page goes on after it. Empty otherwise.
  std::optional<IdBytes> looked_to;
};

// The message that carried a key first.
struct FirstUse {
  Seq seq;
  MessageRef message;  // null: its segment has left the log, the key is taken all the same
};

struct LogHealth {
  bool accepting = true;
  Error why_not;  // when not accepting: kNoSpace, kUnavailable (read-only), kOverloaded
  // False when half of the reserve for a full disk is used, or all of it: what is in flight may
  // still be recorded, or waits to be; no new attempt should start.
  bool attempts_allowed = true;
  // In which something was found damaged since the start: what lay there is left out of answers,
  // all else is read and delivered.
  size_t damaged_segments = 0;
};

class MessageLog {
 public:
  using OnAppended = UniqueFunction<void(AppendResult)>;
  virtual ~MessageLog() = default;

  // On the thread of `reply_to`; what one turn of it appends goes into one group where it fits.
  // Refused at once (callback not called, the batch untouched) with kOverloaded when the commit
  // queue is full, kNoSpace at the low-space mark (messages; attempts and commands still
  // pass into the reserve) and, when nothing is left of the reserve, for everything, kUnavailable
  // when read-only. Otherwise `on_appended` runs on `reply_to`, after the fdatasync that covers the
  // batch. A batch of attempts alone that meets the end of the reserve waits for space, in its
  // order; closing the store ends that with kNoSpace, and others are answered kNoSpace at once.
  virtual Status append(Batch&& batch, io::Loop& reply_to, OnAppended on_appended) = 0;
  // The observer must outlive the log or be removed (nullptr) on its loop's thread.
  virtual void observe(io::Loop& loop, CommitObserver* observer) = 0;

  // The reads below block; any thread but the loops.
  virtual Result<MessageRef> read(Seq seq) = 0;
  virtual Result<MessageRef> read(const AppId& app, const MessageId& id) = 0;
  virtual Result<LaneRead> read_lane(const LaneQuery& query) = 0;
  virtual Result<Page<MessageRef>> list(const MessageQuery& query) = 0;
  // The message with this idempotency identity or event id key, looked for everywhere. Keys are
  // known for the idempotency window at the least, and longer than their messages if need be.
  virtual Result<std::optional<FirstUse>> find_duplicate(const model::DedupeKey& key) = 0;
  // True when no sealed tier can hold the key: the appender may go on without find_duplicate(),
  // because the committer itself checks the recent ones. Memory only; any thread.
  virtual bool surely_new(const model::DedupeKey& key) const = 0;
  // To be taken before keys are looked up, and to go with the batch: an append whose look-up is so
  // old that the committer has let go of keys it could not see then is refused as kOverloaded, to
  // be tried again. Memory only; any thread.
  virtual uint64_t key_mark() const { return ~0ull; }

  virtual LogHealth health() const = 0;  // memory only; any thread
  virtual Seq last_durable() const = 0;  // any thread
};

}  // namespace posthorn::store

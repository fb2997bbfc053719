// What is appended to the log, and what came of it.
#pragma once
#include <memory>
#include <variant>
#include <vector>

#include "base/result.h"
#include "model/attempt.h"
#include "model/command.h"
#include "model/message.h"

namespace posthorn::store {

using MessageRef = std::shared_ptr<const model::Message>;

// The committer fills in id, seq and accepted_at before anybody else sees the message; the
// appender must not touch it after append().
struct NewMessage {
  std::shared_ptr<model::Message> message;
};
struct NewAttempt {
  model::Attempt attempt;
};
struct NewCommand {
  model::Command command;
};
using Item = std::variant<NewMessage, NewAttempt, NewCommand>;

// All items of a batch become durable together or not at all, adjacent and in order. Items that
// are refused one by one (duplicates) leave the others untouched.
struct Batch {
  std::vector<Item> items;
  // MessageLog::key_mark() from before the keys of these messages were looked up. Without one the
  // appender answers for it that keys of older messages do not come again.
  uint64_t key_mark = ~0ull;
};

enum class Verdict : uint8_t {
  kCommitted,
  kDuplicateKey,      // its idempotency identity is stored already
  kDuplicateEventId,  // its (app, event id) is stored already
};

struct ItemResult {
  Verdict verdict = Verdict::kCommitted;
  Seq seq;      // of the record; of a duplicate: of the message that had the key first
  IdBytes id;   // of the message or attempt; zero for a command and a duplicate
  WallTime at;  // of the record; 0 for a duplicate
};

// An error is kUnknownOutcome when the batch may or may not be durable: the engine has then
// stopped and must be reopened.
using AppendResult = Result<std::vector<ItemResult>>;

}  // namespace posthorn::store

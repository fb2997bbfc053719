// One opened store: the interfaces over one log, and how to open and close it. Engines are
// named in engines/registry.cc only.
#pragma once
#include <memory>
#include <string>

#include "io/host.h"
#include "store/attempt_history.h"
#include "store/due_index.h"
#include "store/lane_state.h"
#include "store/message_log.h"
#include "store/retention_index.h"

namespace posthorn::store {

// Values are set in app/limits.h and checked there against each other.
struct StoreLimits {
  uint64_t segment_bytes = 64ull << 20;
  size_t group_bytes_max = 4u << 20;          // one group commit; no batch may be larger
  size_t commit_queue_bytes_max = 32u << 20;  // waiting for the committer; beyond: kOverloaded
  size_t open_files_max = 256;
  size_t block_cache_bytes = 32u << 20;
  size_t idempotency_memory_bytes = 64u << 20;
  seconds idempotency_window{24 * 3600};
  uint64_t low_space_bytes = 256ull << 20;  // below this ingest answers kNoSpace
  seconds history{30 * 24 * 3600};          // messages and attempts that are older go
  // Beyond it the oldest go before their time; nothing goes that is pending. 0: half of the file
  // system.
  uint64_t history_bytes_max = 0;
};

struct StoreOptions {
  std::string engine = "segment";
  std::string directory;
  StoreLimits limits;
  // Called on the commit thread when a sync has failed: the process must end with the named exit
  // code; nothing is acknowledged any more.
  Task on_fatal;
};

class Store {
 public:
  virtual ~Store() = default;  // like close(), but drops what a failed close would report
  virtual MessageLog& log() = 0;
  virtual LaneState& lanes() = 0;
  virtual DueIndex& due() = 0;
  virtual AttemptHistory& history() = 0;
  virtual RetentionIndex& retention() = 0;
  // Commits what waits, writes a checkpoint, releases the directory.
  virtual Status close() = 0;
  // Removing what is over, merging, zeroing files that are used again: one bounded step on a Worker
  // thread; true when there is more to do.
  virtual Result<bool> maintain() = 0;
};

// Recovers and opens; kConflict when another process has the directory, kUnsupported when its
// format is newer, kCorrupt only when nothing can be read.
Result<std::unique_ptr<Store>> open_store(io::Host& host, StoreOptions options);

}  // namespace posthorn::store

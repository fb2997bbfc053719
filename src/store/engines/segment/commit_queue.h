// What waits for the committer: batches encoded by their appenders, bounded by bytes. Any thread
// pushes, the commit thread takes; buffers go round.
#pragma once
#include <memory>
#include <span>
#include <vector>

#include "io/guarded.h"
#include "store/commit_notices.h"

namespace posthorn::store::segment {

// A batch as bytes, and what it was made of.
struct EncodedBatch {
  std::string bytes;              // its records, one behind the other, not stamped yet
  std::vector<uint32_t> offsets;  // of each item's record in `bytes`, and the end
  Batch batch;
  io::Loop* reply_to = nullptr;  // null: from inside the engine, `on_appended` runs on its worker
  MessageLog::OnAppended on_appended;
  size_t sets_bytes = 0;  // of all its target sets as records: what it may need on top
  bool has_keys = false;  // some message carries a key to check
  bool has_messages = false;
  bool outdated = false;      // its keys were looked up too long ago; set by the committer
  bool has_erasures = false;  // some command erases stored bytes

  size_t cost() const { return bytes.size() + sets_bytes; }
};

class CommitQueue {
 public:
  explicit CommitQueue(size_t bytes_max) : bytes_max_(bytes_max) {}

  // An empty batch, with the buffers of an earlier one where there are some.
  std::unique_ptr<EncodedBatch> fresh();
  // kOverloaded when the queue is full, kUnavailable when it was closed. `wake` is set when the
  // committer must be woken.
  Status push(std::unique_ptr<EncodedBatch>&& batch, bool& wake);
  // Moves what fits into `cost_max` (at least one) to `into`; false when there is none, and then
  // the next push wakes again.
  bool take(size_t cost_max, std::vector<std::unique_ptr<EncodedBatch>>& into);
  // Gives buffers back.
  void recycle(std::vector<std::unique_ptr<EncodedBatch>>& done);
  // From now on push() answers `why`.
  void close(Error why);

 private:
  struct State {
    std::vector<std::unique_ptr<EncodedBatch>> waiting;
    size_t taken = 0;  // of `waiting`, from the front
    size_t bytes = 0;
    bool awake = false;
    std::optional<Error> closed;
    std::vector<std::unique_ptr<EncodedBatch>> spare;
  };
  const size_t bytes_max_;
  io::Guarded<State> state_;
};

// Encodes the items. kTooLarge when the batch could not fit into a group of `cost_max`.
Status encode_batch(EncodedBatch& batch, size_t cost_max);

}  // namespace posthorn::store::segment

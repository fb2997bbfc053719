// The one writer of the log: takes what waits, gives out seq and ids, writes a group, syncs it,
// applies it to the state in memory, tells the loops. Owned by the engine.
#pragma once
#include <atomic>
#include <deque>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "io/host.h"
#include "model/encoding.h"
#include "store/commit_notices.h"
#include "store/engines/segment/commit_queue.h"
#include "store/engines/segment/live_state.h"
#include "store/engines/segment/segment_writer.h"
#include "store/engines/segment/space_watch.h"
#include "store/id_sequence.h"
#include "store/store.h"

namespace posthorn::store::segment {

// What the committer asks of the engine; called on the commit thread, must not block.
struct CommitHooks {
  std::function<void()> rolled;  // a segment is full; so are, perhaps, tables of keys
  // Replies to those who asked for an erasure: they are told when the bytes are gone.
  std::function<void(std::vector<CommitNotices::Reply>)> erase;
};

class Committer {
 public:
  struct Parts {
    io::Host& host;
    StoreOptions& options;
    SegmentFiles& files;
    io::Guarded<Live>& live;
    CommitNotices& notices;
    SpaceWatch& space;
    CommitHooks hooks;
  };
  explicit Committer(Parts parts);
  ~Committer();
  Committer(const Committer&) = delete;
  Committer& operator=(const Committer&) = delete;

  // Goes on where recovery ended: in a segment with these target sets, or (segment 0) in a new one.
  Status resume(const LogEnd& end, const std::vector<model::Targets>& sets);
  // See MessageLog::append(). `reply_to` null: any thread, and the callback runs on the commit
  // thread.
  Status append(Batch&& batch, io::Loop* reply_to, MessageLog::OnAppended on_appended);
  // Refuses from now on with `why`.
  void refuse(Error why);
  // There may be space for a next segment again. Any thread.
  void retry();
  // Goes on in the next segment, where that is prepared and `open` is still the one that is
  // written. Any thread.
  void end_segment(SegmentNumber open);
  // Commits what waits and ends the thread.
  void stop();

  LogHealth health() const;
  // No write has failed: what is in memory is what is on disk.
  bool sound() const { return sound_.load(); }
  Seq last_durable() const { return Seq{last_durable_.load()}; }

 private:
  using Batches = std::vector<std::unique_ptr<EncodedBatch>>;
  // A record of the group that is being put together.
  struct Entry {
    EncodedBatch* batch = nullptr;
    uint32_t item = 0;
    Placed placed;
    model::Targets new_set;  // not null: this is a target set, not an item
  };

  // Leaves `encoded` alone when it refuses.
  Status enqueue(std::unique_ptr<EncodedBatch>& encoded, io::Loop* reply_to,
                 MessageLog::OnAppended on_appended);
  void wake_worker();
  void request_look();
  void look();
  void run();
  void go_on();
  void wait_for_room(Batches& batches);
  // False: there is no room, and nothing has happened.
  bool commit_group(Batches& batches);
  bool make_room(size_t cost);
  void assemble(Batches& batches);
  void add_item(EncodedBatch& batch, uint32_t item, std::vector<ItemResult>& results);
  bool add_message(EncodedBatch& batch, uint32_t item, ItemResult& result);
  uint32_t name_set(const model::Targets& targets);
  std::optional<ItemResult> duplicate_of(const model::Message& message);
  void add_record(EncodedBatch& batch, uint32_t item, const model::Stamp& stamp);
  Status write_group();
  void apply_group(Live& live);
  void answer(Batches& batches);
  void answer_all(Batches& batches, const Error& why);
  void fail(Batches& batches, const Error& why);

  Parts parts_;
  CommitQueue queue_;
  SegmentWriter writer_;
  std::atomic<uint64_t> last_durable_{0};
  std::atomic<bool> sound_{true};
  std::atomic<bool> look_waits_{false};
  std::atomic<bool> no_room_{false};                            // no next segment can be made
  std::atomic<uint64_t> end_number_{0};                         // of the segment that is to end
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  // gone once stopped
  io::Guarded<std::optional<Error>> refused_;

  // Commit thread only.
  // Groups of attempts that were taken when there was no room: they have happened and are not
  // refused. No more than the queue held then, since it takes nothing while they wait.
  std::deque<Batches> waiting_;
  IdSequence ids_;
  GroupWriter group_;
  // Its keys. The live state gets them with the group: a table that is frozen meanwhile must not
  // hold the key of a message that may never be.
  KeyTable group_keys_;
  uint64_t group_number_ = 0;
  Seq last_;
  WallTime now_;
  std::vector<Entry> entries_;
  std::vector<std::string> set_records_;
  std::vector<std::vector<ItemResult>> results_;  // by batch
  bool key_tables_full_ = false;

  std::unique_ptr<io::Worker> worker_;  // last: its thread uses the others
};

}  // namespace posthorn::store::segment

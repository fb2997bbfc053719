// Messages read back from the log: by seq, by id, by lane, by app. Any thread but the loops.
#pragma once
#include "store/engines/segment/dedupe_tiers.h"
#include "store/engines/segment/log_index.h"
#include "store/engines/segment/record_reader.h"
#include "store/message_log.h"

namespace posthorn::store::segment {

class MessageReads {
 public:
  MessageReads(LogIndex& index, RecordReader& reader, io::Guarded<Live>& live)
      : index_(index), reader_(reader), live_(live) {}

  Result<MessageRef> read(Seq seq);
  Result<MessageRef> read(const AppId& app, const MessageId& id);
  // At a place that an index named.
  Result<MessageRef> read_at(const RecordPlace& place, uint32_t set, bool with_payload);
  Result<LaneRead> read_lane(const LaneQuery& query);
  Result<Page<MessageRef>> list(const MessageQuery& query);
  // The seq of a message by its id; kNotFound.
  Result<Seq> seq_of(const AppId& app, const MessageId& id);

  // The range of the log that a page by id and time can lie in.
  struct PageBounds {
    std::optional<MessageId> after;
    bool ascending = false;
    WallTime since;
    WallTime before;
  };
  Status narrow(const PageBounds& bounds, EntryQuery& query);
  // No record from before `at` is at or behind it.
  Result<Seq> end_before(WallTime at);

 private:
  LogIndex& index_;
  RecordReader& reader_;
  io::Guarded<Live>& live_;
};

}  // namespace posthorn::store::segment

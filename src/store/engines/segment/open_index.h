// The index in memory of a segment that is being written, or that is sealed and whose index file
// is not yet on disk. Filled in log order by whoever commits or recovers; not thread-safe: its
// owner guards it (queries are short and answer at most their limit).
#pragma once
#include <memory>

#include "store/engines/segment/index_reader.h"

namespace posthorn::store::segment {

struct IndexedMessage {
  Seq seq;
  uint32_t offset = 0;
  MessageId id;
  AppId app;
  uint32_t set = 0;  // added before
  uint32_t type_hash = 0;
  WallTime at;
};

struct IndexedAttempt {
  Seq seq;
  uint32_t offset = 0;
  AttemptId id;
  EndpointId endpoint;
  Seq message;
  AttemptFacet facet;
};

class SortedFileWriter;

// About 80 bytes a message, 60 an attempt. Never reads the disk.
class OpenIndex : public IndexReader {
 public:
  explicit OpenIndex(SegmentNumber segment);
  ~OpenIndex() override;

  // Sets are numbered by whoever writes the segment, from 0 and without gaps.
  void add_set(uint32_t set, model::Targets targets);
  // Seq and id grow with each call, over messages and attempts together. Answers the ordinal of
  // the message's first delivery; the deliveries of a segment are numbered from 0 in log order.
  DeliveryOrdinal add_message(const IndexedMessage& message);
  void add_attempt(const IndexedAttempt& attempt);

  SegmentNumber segment() const;
  uint32_t deliveries() const;
  size_t memory_bytes() const;
  // Writes all tables of the index file.
  Status write(SortedFileWriter& out) const;

  Result<std::optional<MessageEntry>> message(Seq seq) override;
  Result<std::vector<MessageEntry>> messages_with_id(const MessageId& id) override;
  Result<std::vector<AppEntry>> messages_of_app(const EntryQuery& query) override;
  Result<std::vector<TargetEntry>> messages_to_endpoint(const EntryQuery& query) override;
  Result<std::vector<AttemptEntry>> attempts_to_endpoint(const EntryQuery& query,
                                                         const AttemptFilter& filter) override;
  Result<std::vector<AttemptEntry>> attempts_of_message(const OfMessage& query) override;
  Result<std::vector<AttemptEntry>> attempts_with_id(const AttemptId& id) override;
  Result<model::Targets> target_set(SegmentNumber segment, uint32_t set) override;
  Result<std::optional<DeliveryOrdinal>> delivery(Seq message, const EndpointId& endpoint) override;
  Result<std::optional<MessageEntry>> message_of_delivery(SegmentNumber segment,
                                                          DeliveryOrdinal delivery) override;
  Result<Seq> first_at(WallTime at) override;

 private:
  struct Tables;
  std::unique_ptr<Tables> tables_;
};

}  // namespace posthorn::store::segment

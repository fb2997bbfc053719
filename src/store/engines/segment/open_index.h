// The index in memory of a segment that is being written, or that is sealed and whose index file
// is not yet on disk. Filled in log order by whoever commits or recovers; not thread-safe: its
// owner guards it (queries are short and answer at most their limit).
#pragma once
#include <memory>

#include "store/engines/segment/index_reader.h"

namespace posthorn::store::segment {

// What a segment holds, as far as it is indexed.
struct SegmentSpan {
  SegmentNumber segment;
  Seq first;  // of its first message or attempt; 0 when it has none
  Seq last;
  uint32_t messages = 0;
  uint32_t attempts = 0;
  uint32_t deliveries = 0;
  IdBytes first_id;  // of a message or attempt
  IdBytes last_id;
  bool operator==(const SegmentSpan&) const = default;
};

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

// About 90 bytes a message, 60 an attempt. Never reads the disk.
class OpenIndex : public IndexReader {
 public:
  explicit OpenIndex(SegmentNumber segment);
  ~OpenIndex() override;
  OpenIndex(const OpenIndex&) = delete;
  OpenIndex& operator=(const OpenIndex&) = delete;

  // Sets are numbered by whoever writes the segment, from 0 and without gaps.
  void add_set(uint32_t set, model::Targets targets);
  // Seq and id grow with each call, over messages and attempts together. Answers the ordinal of
  // the message's first delivery; the deliveries of a segment are numbered from 0 in log order.
  DeliveryOrdinal add_message(const IndexedMessage& message);
  // Answers the ordinal of its delivery, where that is of this segment.
  std::optional<DeliveryOrdinal> add_attempt(const IndexedAttempt& attempt);

  SegmentNumber segment() const;
  uint32_t deliveries() const;
  // Estimated. The owner seals a segment early when many large sets make this large.
  size_t memory_bytes() const;
  SegmentSpan span() const;
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

  struct Tables;  // see open_tables.h

 private:
  void note_record(Seq seq, const IdBytes& id);
  MessageEntry entry_of(uint32_t row) const;
  std::optional<DeliveryOrdinal> delivery_of(uint32_t row, const EndpointId& endpoint) const;
  std::unique_ptr<Tables> tables_;
};

}  // namespace posthorn::store::segment

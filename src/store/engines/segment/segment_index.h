// The index file of one sealed segment, opened for reading. Written once from an OpenIndex;
// grammar: docs/formats/index.md.
#pragma once
#include <memory>
#include <string>

#include "store/engines/segment/open_index.h"
#include "store/engines/segment/sorted_file.h"

namespace posthorn::store::segment {

class SegmentIndex : public IndexReader {
 public:
  // kCorrupt or kNotFound mean that the index must be written again from the segment.
  static Result<std::shared_ptr<SegmentIndex>> open(BlockCache& cache, const std::string& path);

  const SegmentSpan& span() const { return span_; }
  const std::shared_ptr<const SortedFile>& file() const { return file_; }

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
  SegmentIndex(std::shared_ptr<const SortedFile> file, const SegmentSpan& span)
      : file_(std::move(file)), span_(span) {}
  bool spans(Seq seq) const;
  RecordPlace place(uint32_t number, uint32_t offset) const;
  MessageEntry message_at(const SortedCursor& cursor) const;

  std::shared_ptr<const SortedFile> file_;
  SegmentSpan span_;
};

}  // namespace posthorn::store::segment

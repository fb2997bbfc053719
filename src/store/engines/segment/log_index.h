// The index of the whole log: the tiers of sealed segments, the segments that wait for being
// sealed, and the open one. Answers as of the last committed group. Any thread but the loops.
#pragma once
#include "io/guarded.h"
#include "store/engines/segment/index_tiers.h"
#include "store/engines/segment/live_state.h"

namespace posthorn::store::segment {

class LogIndex : public IndexReader {
 public:
  LogIndex(IndexTiers& tiers, io::Guarded<Live>& live) : tiers_(tiers), live_(live) {}

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

  // What is indexed of a segment; empty when it is not there.
  std::optional<SegmentSpan> span_of(SegmentNumber segment) const;
  // The segment that a record of this seq is in, were there one.
  std::optional<SegmentNumber> segment_of(Seq seq) const;
  // The segments whose index is in memory at this moment, ascending.
  struct InMemory {
    SegmentNumber segment;
    Seq first;  // no record of it is below
  };
  std::vector<InMemory> in_memory() const;
  // All segments with records, and the first of these; ascending.
  std::vector<std::pair<SegmentNumber, Seq>> segments() const;
  // Where a delivery lies; kNotFound when there is none.
  Result<DeliveryPlace> place_of(Seq message, const EndpointId& endpoint);

 private:
  // The parts in memory at one moment, ascending; the last one still grows and is asked under the
  // lock.
  struct Parts {
    std::vector<Unsealed> unsealed;
    Seq first;  // of them
  };
  Parts parts() const;
  // Asks `ask(reader)` of one part, under the lock where it is needed.
  template <typename Ask>
  auto ask_part(const Parts& parts, size_t part, Ask ask) const;
  template <typename Entry, typename Ask>
  Result<std::vector<Entry>> in_order(const EntryQuery& query, Ask ask);
  template <typename Entry, typename Ask>
  Result<std::vector<Entry>> everywhere(Ask ask);
  template <typename Found, typename Ask>
  Result<std::optional<Found>> where_seq(Seq seq, Ask ask);
  template <typename Answer, typename Ask>
  Result<Answer> of_segment(SegmentNumber segment, Ask ask);

  IndexTiers& tiers_;
  io::Guarded<Live>& live_;
};

}  // namespace posthorn::store::segment

// What an index of the log answers. The open segment's index in memory, the index of one sealed
// segment and the index of all sealed segments answer the same questions, so that a reader of the
// log goes through them in order.
#pragma once
#include <optional>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "model/attempt.h"
#include "model/targets.h"
#include "store/engines/segment/segment_number.h"

namespace posthorn::store::segment {

inline constexpr Seq kEndOfLog{~0ull};

// Where a record lies.
struct RecordPlace {
  SegmentNumber segment;
  Seq seq;
  uint32_t offset = 0;  // in its segment, in the sense of whoever added it
  bool operator==(const RecordPlace&) const = default;
};

// A delivery of a segment: its message's first_delivery + the place of its endpoint in the set.
using DeliveryOrdinal = uint32_t;

struct MessageEntry {
  RecordPlace place;
  uint32_t set = 0;  // the target set, named within the segment
  DeliveryOrdinal first_delivery = 0;
  bool operator==(const MessageEntry&) const = default;
};

// A message in the order of its app: what filters need to skip it without reading it.
struct AppEntry {
  RecordPlace place;
  uint32_t set = 0;
  uint32_t type_hash = 0;  // event_type_hash of its event type
  WallTime at;             // accepted_at
  bool operator==(const AppEntry&) const = default;
};

// A message in the order of one of its endpoints.
struct TargetEntry {
  RecordPlace place;
  DeliveryOrdinal delivery = 0;  // of this message to this endpoint
  bool operator==(const TargetEntry&) const = default;
};

// What an attempt led to, in a byte: enough to skip it by state or status class.
struct AttemptFacet {
  uint8_t value = 0;  // state_after in bits 0-2, status class (0…5) in bits 3-5
  static AttemptFacet of(const model::Attempt& attempt);
  model::DeliveryState state() const { return static_cast<model::DeliveryState>(value & 7); }
  int status_class() const { return ((value >> 3) & 7) * 100; }
  bool operator==(const AttemptFacet&) const = default;
};

struct AttemptEntry {
  RecordPlace place;
  AttemptFacet facet;
  bool operator==(const AttemptEntry&) const = default;
};

// The entries of one app or endpoint in a range of the log. Keys are the last eight bytes of an
// id: another id may share them, so the caller compares the full id on the record; an entry that
// exists is never missed.
struct EntryQuery {
  uint64_t tail = 0;   // IdBytes::tail() of the app or endpoint
  Seq from;            // inclusive
  Seq to = kEndOfLog;  // exclusive
  bool ascending = false;
  size_t limit = 64;  // fewer entries than this: there are no others in the range

  // Narrows the range to what comes behind `last` in the order of the list.
  void go_behind(Seq last) {
    if (ascending)
      from = last.next();
    else
      to = last;
  }
};

struct AttemptFilter {
  uint8_t states = 0xFF;          // bit (1 << DeliveryState)
  uint8_t status_classes = 0xFF;  // bit (1 << class), class 0…5
  bool passes(AttemptFacet facet) const {
    return (states >> (facet.value & 7) & 1) && (status_classes >> (facet.value >> 3 & 7) & 1);
  }
};

// Calls may read the disk; any thread but the loops, unless a class says otherwise.
class IndexReader {
 public:
  virtual ~IndexReader() = default;

  virtual Result<std::optional<MessageEntry>> message(Seq seq) = 0;
  // Usually one or none; the caller compares the full id.
  virtual Result<std::vector<MessageEntry>> messages_with_id(const MessageId& id) = 0;
  virtual Result<std::vector<AppEntry>> messages_of_app(const EntryQuery& query) = 0;
  virtual Result<std::vector<TargetEntry>> messages_to_endpoint(const EntryQuery& query) = 0;
  virtual Result<std::vector<AttemptEntry>> attempts_to_endpoint(const EntryQuery& query,
                                                                 const AttemptFilter& filter) = 0;
  // Ascending by seq, at most `limit`, from `from` (inclusive) on; all endpoints when `endpoint`
  // is empty.
  struct OfMessage {
    Seq message;
    std::optional<EndpointId> endpoint;
    Seq from;
    size_t limit = 64;
  };
  virtual Result<std::vector<AttemptEntry>> attempts_of_message(const OfMessage& query) = 0;
  virtual Result<std::vector<AttemptEntry>> attempts_with_id(const AttemptId& id) = 0;
  // The endpoints of a set that a message entry of this segment names; kNotFound otherwise.
  virtual Result<model::Targets> target_set(SegmentNumber segment, uint32_t set) = 0;
  // The delivery of a message to an endpoint; empty when it is no target or there is no message.
  virtual Result<std::optional<DeliveryOrdinal>> delivery(Seq message,
                                                          const EndpointId& endpoint) = 0;
  // The message that a delivery of a segment belongs to.
  virtual Result<std::optional<MessageEntry>> message_of_delivery(SegmentNumber segment,
                                                                  DeliveryOrdinal delivery) = 0;
  // The first message whose id was made at or after `at` (exact to four milliseconds); kEndOfLog
  // when there is none here. Turns a range of time into a range of the log.
  virtual Result<Seq> first_at(WallTime at) = 0;
};

// Ids are exact to four milliseconds; a bound by time is widened by twice that for first_at(), and
// then compared with the record.
constexpr microseconds kIdTimeSlack{8000};

// For AppEntry::type_hash.
uint32_t event_type_hash(std::string_view event_type);

}  // namespace posthorn::store::segment

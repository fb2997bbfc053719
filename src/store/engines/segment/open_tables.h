// What an OpenIndex holds: rows in log order and posting lists of row numbers. Private to the open
// index and its writer.
#pragma once
#include <unordered_map>
#include <vector>

#include "store/engines/segment/index_format.h"
#include "store/engines/segment/open_index.h"

namespace posthorn::store::segment {

inline constexpr uint32_t kNoRow = ~0u;

struct MessageRow {
  uint32_t seq;  // counted from the first of the segment, as everywhere here
  uint32_t offset;
  uint32_t set;
  DeliveryOrdinal first_delivery;
  uint32_t type_hash;
  uint32_t last_attempt;  // row of its newest attempt in this segment
  int64_t at_us;
  uint64_t app_tail;
  IdHead id;
};

struct AttemptRow {
  uint32_t seq;
  uint32_t offset;
  uint32_t before;  // row of the attempt before on the same message
  AttemptFacet facet;
  IdHead id;
  uint64_t message;
  uint64_t endpoint_tail;
};

// Row numbers by id tail. Remembers the last list, since traffic comes in streaks.
class Postings {
 public:
  using List = std::vector<uint32_t>;
  void add(uint64_t tail, uint32_t row);
  const List* find(uint64_t tail) const;
  // In byte order of the tails.
  std::vector<std::pair<uint64_t, const List*>> sorted() const;
  size_t memory_bytes() const { return lists_.size() * kListBytes + rows_ * sizeof(uint32_t) * 2; }

 private:
  static constexpr size_t kListBytes = 112;  // node, bucket, vector and its smallest block
  std::unordered_map<uint64_t, List> lists_;
  uint64_t last_tail_ = 0;
  List* last_ = nullptr;
  size_t rows_ = 0;
};

struct SetMember {
  uint32_t set;
  uint32_t place;
};

struct OpenIndex::Tables {
  SegmentNumber segment;
  Seq base;  // of the first record
  Seq last;
  IdBytes first_id;
  IdBytes last_id;
  uint32_t deliveries = 0;
  size_t members = 0;
  std::vector<MessageRow> messages;
  std::vector<AttemptRow> attempts;
  std::vector<model::Targets> sets;
  std::vector<std::vector<uint32_t>> set_messages;  // rows, by set
  Postings app_messages;
  Postings endpoint_attempts;
  std::unordered_map<uint64_t, std::vector<SetMember>> endpoint_sets;
  std::unordered_map<uint64_t, uint32_t> late;  // older message's seq → its newest attempt's row

  uint32_t number(Seq seq) const { return static_cast<uint32_t>(seq.value - base.value); }
  RecordPlace place(uint32_t seq, uint32_t offset) const {
    return {segment, Seq{base.value + seq}, offset};
  }
  // The row of a message of this segment; kNoRow when it is none.
  uint32_t message_row(Seq seq) const;
  // The newest attempt's row of any message.
  uint32_t newest_attempt(Seq message) const;
  SegmentSpan span() const;
};

// Sorts into the order of the query and cuts to its limit.
void keep_best(std::vector<TargetEntry>& found, const EntryQuery& query);

}  // namespace posthorn::store::segment

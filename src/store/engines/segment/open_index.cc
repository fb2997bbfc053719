// The open segment's index: filling it and asking it.
#include "store/engines/segment/open_index.h"

#include <algorithm>

#include "store/engines/segment/open_tables.h"

namespace posthorn::store::segment {
namespace {

// The part of a list of rows (ascending by seq) whose seqs lie in the query's range.
template <typename Row>
std::span<const uint32_t> rows_in_range(const std::vector<uint32_t>& list,
                                        const std::vector<Row>& rows, const EntryQuery& query,
                                        Seq base) {
  const auto below = [&](Seq bound) {
    return std::partition_point(list.begin(), list.end(), [&](uint32_t row) {
      return base.value + rows[row].seq < bound.value;
    });
  };
  const auto first = below(query.from);
  const auto last = query.to == kEndOfLog ? list.end() : below(query.to);
  return first < last ? std::span(first, last) : std::span<const uint32_t>();
}

// Calls visit(row) in the order of the query until it answers false.
template <typename Visit>
void in_order(std::span<const uint32_t> rows, bool ascending, Visit visit) {
  for (size_t i = 0; i < rows.size(); ++i) {
    if (!visit(rows[ascending ? i : rows.size() - 1 - i])) return;
  }
}

// The rows whose id begins with `head`; rows ascend by id.
template <typename Row>
std::span<const Row> rows_with_head(const std::vector<Row>& rows, const IdHead& head) {
  const auto range =
      std::equal_range(rows.begin(), rows.end(), head, [](const auto& a, const auto& b) {
        if constexpr (std::is_same_v<std::decay_t<decltype(a)>, IdHead>)
          return a < b.id;
        else
          return a.id < b;
      });
  return {range.first, range.second};
}

}  // namespace

void Postings::add(uint64_t tail, uint32_t row) {
  if (last_ == nullptr || tail != last_tail_) {
    last_ = &lists_[tail];  // references to elements of the map stay valid
    last_tail_ = tail;
  }
  last_->push_back(row);
  ++rows_;
}

const Postings::List* Postings::find(uint64_t tail) const {
  const auto found = lists_.find(tail);
  return found == lists_.end() ? nullptr : &found->second;
}

std::vector<std::pair<uint64_t, const Postings::List*>> Postings::sorted() const {
  std::vector<std::pair<uint64_t, const List*>> all;
  all.reserve(lists_.size());
  for (const auto& [tail, list] : lists_) all.emplace_back(tail, &list);
  std::sort(all.begin(), all.end(),
            [](const auto& a, const auto& b) { return tail_order(a.first) < tail_order(b.first); });
  return all;
}

uint32_t OpenIndex::Tables::message_row(Seq seq) const {
  if (messages.empty() || seq < base || seq > last) return kNoRow;
  const uint32_t wanted = number(seq);
  // Attempts follow closely behind their messages: the search begins at the end and doubles.
  size_t high = messages.size();
  size_t step = 64;
  size_t low = high - std::min(high, step);
  while (low > 0 && messages[low].seq > wanted) {
    high = low;
    step *= 2;
    low = high - std::min(high, step);
  }
  const auto end = messages.begin() + static_cast<ptrdiff_t>(high);
  const auto row = std::lower_bound(messages.begin() + static_cast<ptrdiff_t>(low), end, wanted,
                                    [](const MessageRow& m, uint32_t n) { return m.seq < n; });
  if (row == end || row->seq != wanted) return kNoRow;
  return static_cast<uint32_t>(row - messages.begin());
}

uint32_t OpenIndex::Tables::newest_attempt(Seq message) const {
  const uint32_t row = message_row(message);
  if (row != kNoRow) return messages[row].last_attempt;
  const auto found = late.find(message.value);
  return found == late.end() ? kNoRow : found->second;
}

SegmentSpan OpenIndex::Tables::span() const {
  return {segment,
          base,
          last,
          static_cast<uint32_t>(messages.size()),
          static_cast<uint32_t>(attempts.size()),
          deliveries,
          first_id,
          last_id};
}

OpenIndex::OpenIndex(SegmentNumber segment) : tables_(std::make_unique<Tables>()) {
  tables_->segment = segment;
}
OpenIndex::~OpenIndex() = default;

SegmentNumber OpenIndex::segment() const { return tables_->segment; }
uint32_t OpenIndex::deliveries() const { return tables_->deliveries; }
SegmentSpan OpenIndex::span() const { return tables_->span(); }

size_t OpenIndex::memory_bytes() const {
  const Tables& t = *tables_;
  return t.messages.capacity() * sizeof(MessageRow) + t.attempts.capacity() * sizeof(AttemptRow) +
         t.sets.size() * 112 + t.messages.size() * 8 + t.members * (IdBytes::kSize + 16) +
         t.endpoint_sets.size() * 80 + t.late.size() * 40 + t.app_messages.memory_bytes() +
         t.endpoint_attempts.memory_bytes();
}

void OpenIndex::add_set(uint32_t set, model::Targets targets) {
  Tables& t = *tables_;
  CHECK(set == t.sets.size(), "set {} after {}", set, t.sets.size());
  uint32_t place = 0;
  for (const EndpointId& endpoint : targets->endpoints()) {
    t.endpoint_sets[endpoint.bytes.tail()].push_back({set, place++});
  }
  t.members += place;
  t.sets.push_back(std::move(targets));
  t.set_messages.emplace_back();
}

DeliveryOrdinal OpenIndex::add_message(const IndexedMessage& message) {
  Tables& t = *tables_;
  CHECK(message.set < t.sets.size(), "message {} with unknown set", message.seq.value);
  note_record(message.seq, message.id.bytes);
  const auto row = static_cast<uint32_t>(t.messages.size());
  const DeliveryOrdinal first = t.deliveries;
  t.messages.push_back({t.number(message.seq), message.offset, message.set, first,
                        message.type_hash, kNoRow, message.at.us, message.app.bytes.tail(),
                        id_head(message.id.bytes)});
  t.deliveries += static_cast<uint32_t>(t.sets[message.set]->size());
  t.set_messages[message.set].push_back(row);
  t.app_messages.add(message.app.bytes.tail(), row);
  return first;
}

std::optional<DeliveryOrdinal> OpenIndex::add_attempt(const IndexedAttempt& attempt) {
  Tables& t = *tables_;
  note_record(attempt.seq, attempt.id.bytes);
  const auto row = static_cast<uint32_t>(t.attempts.size());
  const uint32_t message = t.message_row(attempt.message);
  uint32_t& newest = message == kNoRow
                         ? t.late.try_emplace(attempt.message.value, kNoRow).first->second
                         : t.messages[message].last_attempt;
  t.attempts.push_back({t.number(attempt.seq), attempt.offset, newest, attempt.facet,
                        id_head(attempt.id.bytes), attempt.message.value,
                        attempt.endpoint.bytes.tail()});
  newest = row;
  t.endpoint_attempts.add(attempt.endpoint.bytes.tail(), row);
  if (message == kNoRow) return std::nullopt;
  return delivery_of(message, attempt.endpoint);
}

void OpenIndex::note_record(Seq seq, const IdBytes& id) {
  Tables& t = *tables_;
  CHECK(seq > t.last && id > t.last_id, "record {} out of order after {}", seq.value, t.last.value);
  if (t.base.value == 0) {
    t.base = seq;
    t.first_id = id;
  }
  CHECK(seq.value - t.base.value <= ~uint32_t{0}, "a segment of more than 2^32 records");
  t.last = seq;
  t.last_id = id;
}

Result<std::optional<MessageEntry>> OpenIndex::message(Seq seq) {
  const uint32_t row = tables_->message_row(seq);
  if (row == kNoRow) return std::optional<MessageEntry>();
  return std::optional(entry_of(row));
}

MessageEntry OpenIndex::entry_of(uint32_t row) const {
  const MessageRow& m = tables_->messages[row];
  return {tables_->place(m.seq, m.offset), m.set, m.first_delivery};
}

Result<std::vector<MessageEntry>> OpenIndex::messages_with_id(const MessageId& id) {
  std::vector<MessageEntry> found;
  for (const MessageRow& m : rows_with_head(tables_->messages, id_head(id.bytes))) {
    found.push_back({tables_->place(m.seq, m.offset), m.set, m.first_delivery});
  }
  return found;
}

Result<std::vector<AppEntry>> OpenIndex::messages_of_app(const EntryQuery& query) {
  std::vector<AppEntry> found;
  const auto* list = tables_->app_messages.find(query.tail);
  if (list == nullptr || query.limit == 0) return found;
  in_order(
      rows_in_range(*list, tables_->messages, query, tables_->base), query.ascending,
      [&](uint32_t row) {
        const MessageRow& m = tables_->messages[row];
        found.push_back({tables_->place(m.seq, m.offset), m.set, m.type_hash, WallTime{m.at_us}});
        return found.size() < query.limit;
      });
  return found;
}

// Each set gives at most `limit` messages; the best of all sets are the answer.
Result<std::vector<TargetEntry>> OpenIndex::messages_to_endpoint(const EntryQuery& query) {
  std::vector<TargetEntry> found;
  const auto sets = tables_->endpoint_sets.find(query.tail);
  if (sets == tables_->endpoint_sets.end() || query.limit == 0) return found;
  for (const SetMember& member : sets->second) {
    size_t taken = 0;
    const auto& list = tables_->set_messages[member.set];
    in_order(rows_in_range(list, tables_->messages, query, tables_->base), query.ascending,
             [&](uint32_t row) {
               const MessageRow& m = tables_->messages[row];
               found.push_back({tables_->place(m.seq, m.offset), m.first_delivery + member.place});
               return ++taken < query.limit;
             });
    if (found.size() >= 2 * query.limit) keep_best(found, query);
  }
  keep_best(found, query);
  return found;
}

Result<std::vector<AttemptEntry>> OpenIndex::attempts_to_endpoint(const EntryQuery& query,
                                                                  const AttemptFilter& filter) {
  std::vector<AttemptEntry> found;
  const auto* list = tables_->endpoint_attempts.find(query.tail);
  if (list == nullptr || query.limit == 0) return found;
  in_order(rows_in_range(*list, tables_->attempts, query, tables_->base), query.ascending,
           [&](uint32_t row) {
             const AttemptRow& a = tables_->attempts[row];
             if (filter.passes(a.facet)) {
               found.push_back({tables_->place(a.seq, a.offset), a.facet});
             }
             return found.size() < query.limit;
           });
  return found;
}

Result<std::vector<AttemptEntry>> OpenIndex::attempts_of_message(const OfMessage& query) {
  std::vector<AttemptEntry> found;
  for (uint32_t row = tables_->newest_attempt(query.message); row != kNoRow;) {
    const AttemptRow& a = tables_->attempts[row];
    row = a.before;
    const RecordPlace place = tables_->place(a.seq, a.offset);
    if (place.seq < query.from) break;
    if (query.endpoint && query.endpoint->bytes.tail() != a.endpoint_tail) continue;
    found.push_back({place, a.facet});
  }
  std::reverse(found.begin(), found.end());
  if (found.size() > query.limit) found.resize(query.limit);
  return found;
}

Result<std::vector<AttemptEntry>> OpenIndex::attempts_with_id(const AttemptId& id) {
  std::vector<AttemptEntry> found;
  for (const AttemptRow& a : rows_with_head(tables_->attempts, id_head(id.bytes))) {
    found.push_back({tables_->place(a.seq, a.offset), a.facet});
  }
  return found;
}

Result<model::Targets> OpenIndex::target_set(SegmentNumber segment, uint32_t set) {
  if (segment != tables_->segment || set >= tables_->sets.size()) {
    return error(Errc::kNotFound, fmt::format("no set {} in segment {}", set, segment.value));
  }
  return tables_->sets[set];
}

Result<std::optional<DeliveryOrdinal>> OpenIndex::delivery(Seq message,
                                                           const EndpointId& endpoint) {
  const uint32_t row = tables_->message_row(message);
  if (row == kNoRow) return std::optional<DeliveryOrdinal>();
  return delivery_of(row, endpoint);
}

std::optional<DeliveryOrdinal> OpenIndex::delivery_of(uint32_t row,
                                                      const EndpointId& endpoint) const {
  const MessageRow& m = tables_->messages[row];
  const size_t place = tables_->sets[m.set]->index_of(endpoint);
  if (place == model::TargetSet::kAbsent) return std::nullopt;
  return static_cast<DeliveryOrdinal>(m.first_delivery + place);
}

Result<std::optional<MessageEntry>> OpenIndex::message_of_delivery(SegmentNumber segment,
                                                                   DeliveryOrdinal delivery) {
  const auto& rows = tables_->messages;
  if (segment != tables_->segment || delivery >= tables_->deliveries) {
    return std::optional<MessageEntry>();
  }
  // Messages without targets share the ordinal of the next one: the last at or below has it.
  const auto above = std::partition_point(
      rows.begin(), rows.end(), [&](const MessageRow& m) { return m.first_delivery <= delivery; });
  return std::optional(entry_of(static_cast<uint32_t>(above - rows.begin() - 1)));
}

Result<Seq> OpenIndex::first_at(WallTime at) {
  IdBytes wanted;
  wanted.set_time(at);
  const auto& rows = tables_->messages;
  const auto row = std::partition_point(
      rows.begin(), rows.end(), [&](const MessageRow& m) { return m.id < id_head(wanted); });
  return row == rows.end() ? kEndOfLog : Seq{tables_->base.value + row->seq};
}

void keep_best(std::vector<TargetEntry>& found, const EntryQuery& query) {
  std::sort(found.begin(), found.end(), [&](const TargetEntry& a, const TargetEntry& b) {
    return query.ascending ? a.place.seq < b.place.seq : b.place.seq < a.place.seq;
  });
  if (found.size() > query.limit) found.resize(query.limit);
}

}  // namespace posthorn::store::segment

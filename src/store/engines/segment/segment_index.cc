// Asking the index file of one sealed segment.
#include "store/engines/segment/segment_index.h"

#include <algorithm>

#include "store/engines/segment/index_format.h"
#include "store/engines/segment/open_tables.h"

namespace posthorn::store::segment {
namespace {

// One table of one file, with seqs counted from the segment's first.
class Walk {
 public:
  Walk(const SortedFile& file, IndexTable table) : cursor_(file.cursor(table)) {}

  // Calls visit(key, value) for the entries whose key begins with `prefix` and whose number behind
  // it is in [from, to), in order, until it answers false.
  struct Range {
    ByteView prefix;
    uint32_t from = 0;
    uint64_t to = 0;
    bool ascending = true;
  };
  template <typename Visit>
  Status each(const Range& range, Visit visit) {
    if (range.from >= range.to) return {};
    std::string edge(range.prefix);
    if (range.ascending) {
      edge += KeyBytes().u32(range.from).view();
      PH_TRY(cursor_.seek(edge));
    } else {
      edge += KeyBytes().u32(static_cast<uint32_t>(range.to - 1)).view();
      // Below the successor of the last wanted key: keys go on behind the number at most with
      // nothing, so a byte more is above it.
      PH_TRY(cursor_.seek_where(
          [&](ByteView entry) { return entry.substr(0, edge.size()) <= ByteView(edge); }));
      PH_TRY(cursor_.valid() ? cursor_.prev() : cursor_.seek_last());
    }
    while (cursor_.valid() && cursor_.key().starts_with(range.prefix)) {
      const uint32_t number = key_u32(cursor_.key(), range.prefix.size());
      if (number < range.from || number >= range.to) break;
      if (!visit(cursor_.key(), cursor_.value())) break;
      PH_TRY(range.ascending ? cursor_.next() : cursor_.prev());
    }
    return {};
  }
  SortedCursor& cursor() { return cursor_; }

 private:
  SortedCursor cursor_;
};

// The part of a query that lies in the segment, counted from its first record.
Walk::Range numbers_of(const SegmentSpan& span, const EntryQuery& query, ByteView prefix) {
  const uint64_t last = span.last.value;
  const uint64_t base = span.first.value;
  if (query.from.value > last || query.to.value <= base) return {prefix, 0, 0, query.ascending};
  const uint64_t from = query.from.value > base ? query.from.value - base : 0;
  const uint64_t to = std::min(query.to.value - 1, last) - base + 1;
  return {prefix, static_cast<uint32_t>(from), to, query.ascending};
}

ByteView head_in(ByteView value, size_t at) { return value.substr(at, kIdHeadBytes); }

ByteView view_of(const IdHead& head) {
  return {reinterpret_cast<const char*>(head.data()), head.size()};
}

// Where the id head begins in the value of kMessages and kAttempts.
constexpr size_t kMessageHeadAt = 12;
constexpr size_t kAttemptHeadAt = 4;

}  // namespace

Result<std::shared_ptr<SegmentIndex>> SegmentIndex::open(BlockCache& cache,
                                                         const std::string& path) {
  PH_ASSIGN(auto file, SortedFile::open(cache, path));
  const auto span = decode_span(file->meta());
  if (!span) return error(Errc::kCorrupt, path + " has no span");
  for (uint8_t table = kMessages; table <= kLateAttempts; ++table) {
    const TableInfo* info = file->table(table);
    const TableShape shape = index_shape(static_cast<IndexTable>(table));
    if (info == nullptr || info->shape.key_bytes != shape.key_bytes ||
        info->shape.value_bytes != shape.value_bytes) {
      return error(Errc::kCorrupt, fmt::format("{} has another table {}", path, table));
    }
  }
  return std::shared_ptr<SegmentIndex>(new SegmentIndex(std::move(file), *span));
}

RecordPlace SegmentIndex::place(uint32_t number, uint32_t offset) const {
  return {span_.segment, Seq{span_.first.value + number}, offset};
}

MessageEntry SegmentIndex::message_at(const SortedCursor& cursor) const {
  ByteReader in(cursor.value());
  const uint32_t offset = in.u32();
  const uint32_t set = in.u32();
  return {place(key_u32(cursor.key(), 0), offset), set, in.u32()};
}

bool SegmentIndex::spans(Seq seq) const { return span_.first <= seq && seq <= span_.last; }

Result<std::optional<MessageEntry>> SegmentIndex::message(Seq seq) {
  if (!spans(seq)) return std::optional<MessageEntry>();
  SortedCursor cursor = file_->cursor(kMessages);
  const KeyBytes key = KeyBytes().u32(static_cast<uint32_t>(seq.value - span_.first.value));
  PH_TRY(cursor.seek(key.view()));
  if (!cursor.valid() || cursor.key() != key.view()) return std::optional<MessageEntry>();
  return std::optional(message_at(cursor));
}

// Ids grow with seqs, so the table is in their order too.
Result<std::vector<MessageEntry>> SegmentIndex::messages_with_id(const MessageId& id) {
  std::vector<MessageEntry> found;
  const IdHead head = id_head(id.bytes);
  SortedCursor cursor = file_->cursor(kMessages);
  PH_TRY(cursor.seek_where(
      [&](ByteView entry) { return head_in(entry, 4 + kMessageHeadAt) < view_of(head); }));
  while (cursor.valid() && head_in(cursor.value(), kMessageHeadAt) == view_of(head)) {
    found.push_back(message_at(cursor));
    PH_TRY(cursor.next());
  }
  return found;
}

Result<std::vector<AppEntry>> SegmentIndex::messages_of_app(const EntryQuery& query) {
  std::vector<AppEntry> found;
  if (query.limit == 0) return found;
  const KeyBytes prefix = KeyBytes().tail(query.tail);
  Walk walk(*file_, kAppMessages);
  PH_TRY(walk.each(numbers_of(span_, query, prefix.view()), [&](ByteView key, ByteView value) {
    ByteReader in(value);
    const uint32_t offset = in.u32();
    const uint32_t set = in.u32();
    const uint32_t type = in.u32();
    const WallTime at{static_cast<int64_t>(in.u64())};
    found.push_back({place(key_u32(key, 8), offset), set, type, at});
    return found.size() < query.limit;
  }));
  return found;
}

// Each set gives at most `limit` messages; the best of all sets are the answer.
Result<std::vector<TargetEntry>> SegmentIndex::messages_to_endpoint(const EntryQuery& query) {
  std::vector<TargetEntry> found;
  if (query.limit == 0) return found;
  const KeyBytes endpoint = KeyBytes().tail(query.tail);
  Walk messages(*file_, kSetMessages);
  Status failed;
  Walk sets(*file_, kEndpointSets);
  const Walk::Range all_sets{endpoint.view(), 0, uint64_t{1} << 32, true};
  PH_TRY(sets.each(all_sets, [&](ByteView set_key, ByteView set_value) {
    const KeyBytes set = KeyBytes().u32(key_u32(set_key, 8));
    const auto member = load_le<uint32_t>(set_value.data());
    size_t taken = 0;
    failed = messages.each(numbers_of(span_, query, set.view()), [&](ByteView key, ByteView value) {
      ByteReader in(value);
      const RecordPlace at = place(key_u32(key, 4), in.u32());
      found.push_back({at, in.u32() + member});
      return ++taken < query.limit;
    });
    if (found.size() >= 2 * query.limit) keep_best(found, query);
    return failed.ok();
  }));
  PH_TRY(std::move(failed));
  keep_best(found, query);
  return found;
}

Result<std::vector<AttemptEntry>> SegmentIndex::attempts_to_endpoint(const EntryQuery& query,
                                                                     const AttemptFilter& filter) {
  std::vector<AttemptEntry> found;
  if (query.limit == 0) return found;
  const KeyBytes prefix = KeyBytes().tail(query.tail);
  Walk walk(*file_, kEndpointAttempts);
  PH_TRY(walk.each(numbers_of(span_, query, prefix.view()), [&](ByteView key, ByteView value) {
    ByteReader in(value);
    const uint32_t offset = in.u32();
    const AttemptFacet facet{in.u8()};
    if (filter.passes(facet)) found.push_back({place(key_u32(key, 8), offset), facet});
    return found.size() < query.limit;
  }));
  return found;
}

Result<std::vector<AttemptEntry>> SegmentIndex::attempts_of_message(const OfMessage& query) {
  std::vector<AttemptEntry> found;
  KeyBytes prefix = KeyBytes().u64(query.message.value);
  if (query.endpoint) prefix.tail(query.endpoint->bytes.tail());
  SortedCursor cursor = file_->cursor(kMessageAttempts);
  PH_TRY(cursor.seek(prefix.view()));
  while (cursor.valid() && cursor.key().starts_with(prefix.view())) {
    ByteReader in(cursor.value());
    const RecordPlace at = place(key_u32(cursor.key(), 16), in.u32());
    if (at.seq >= query.from) found.push_back({at, AttemptFacet{in.u8()}});
    PH_TRY(cursor.next());
  }
  std::sort(found.begin(), found.end(),
            [](const AttemptEntry& a, const AttemptEntry& b) { return a.place.seq < b.place.seq; });
  if (found.size() > query.limit) found.resize(query.limit);
  return found;
}

Result<std::vector<AttemptEntry>> SegmentIndex::attempts_with_id(const AttemptId& id) {
  std::vector<AttemptEntry> found;
  const IdHead head = id_head(id.bytes);
  SortedCursor cursor = file_->cursor(kAttempts);
  PH_TRY(cursor.seek_where(
      [&](ByteView entry) { return head_in(entry, 4 + kAttemptHeadAt) < view_of(head); }));
  while (cursor.valid() && head_in(cursor.value(), kAttemptHeadAt) == view_of(head)) {
    const auto offset = load_le<uint32_t>(cursor.value().data());
    found.push_back({place(key_u32(cursor.key(), 0), offset), {}});
    PH_TRY(cursor.next());
  }
  return found;
}

Result<model::Targets> SegmentIndex::target_set(SegmentNumber segment, uint32_t set) {
  std::vector<EndpointId> endpoints;
  const KeyBytes prefix = KeyBytes().u32(set);
  SortedCursor cursor = file_->cursor(kSets);
  if (segment == span_.segment) PH_TRY(cursor.seek(prefix.view()));
  while (cursor.valid() && cursor.key().starts_with(prefix.view())) {
    endpoints.push_back(EndpointId::from_raw(cursor.value()));
    PH_TRY(cursor.next());
  }
  // An empty set is never asked for: a message without targets names no place in it.
  return model::Targets(std::make_shared<model::TargetSet>(std::move(endpoints)));
}

Result<std::optional<DeliveryOrdinal>> SegmentIndex::delivery(Seq seq, const EndpointId& endpoint) {
  PH_ASSIGN(const auto found, message(seq));
  if (!found) return std::optional<DeliveryOrdinal>();
  const KeyBytes key = KeyBytes().tail(endpoint.bytes.tail()).u32(found->set);
  PH_ASSIGN(const auto entry, file_->find(kEndpointSets, key.view()));
  if (!entry) return std::optional<DeliveryOrdinal>();
  const auto member = load_le<uint32_t>(entry->data() + 12);
  return std::optional(found->first_delivery + member);
}

Result<std::optional<MessageEntry>> SegmentIndex::message_of_delivery(SegmentNumber segment,
                                                                      DeliveryOrdinal delivery) {
  if (segment != span_.segment || delivery >= span_.deliveries) {
    return std::optional<MessageEntry>();
  }
  SortedCursor cursor = file_->cursor(kMessages);
  constexpr size_t kFirstDeliveryAt = 4 + 8;
  // Messages without targets share the ordinal of the next one: the last at or below has it.
  PH_TRY(cursor.seek_where([&](ByteView entry) {
    return load_le<uint32_t>(entry.data() + kFirstDeliveryAt) <= delivery;
  }));
  PH_TRY(cursor.valid() ? cursor.prev() : cursor.seek_last());
  if (!cursor.valid()) return std::optional<MessageEntry>();
  return std::optional(message_at(cursor));
}

Result<Seq> SegmentIndex::first_at(WallTime at) {
  IdBytes wanted;
  wanted.set_time(at);
  const IdHead head = id_head(wanted);
  SortedCursor cursor = file_->cursor(kMessages);
  PH_TRY(cursor.seek_where(
      [&](ByteView entry) { return head_in(entry, 4 + kMessageHeadAt) < view_of(head); }));
  if (!cursor.valid()) return kEndOfLog;
  return Seq{span_.first.value + key_u32(cursor.key(), 0)};
}

}  // namespace posthorn::store::segment

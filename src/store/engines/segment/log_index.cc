// Asks the parts of the index in the order of the log.
#include "store/engines/segment/log_index.h"

#include <algorithm>

namespace posthorn::store::segment {

LogIndex::Parts LogIndex::parts() const {
  Parts parts;
  live_.with([&](const Live& live) {
    parts.unsealed = live.sealing;
    if (live.open.index) parts.unsealed.push_back(live.open);
  });
  parts.first = parts.unsealed.empty() ? kEndOfLog : parts.unsealed.front().first;
  return parts;
}

template <typename Ask>
auto LogIndex::ask_part(const Parts& parts, size_t part, Ask ask) const {
  OpenIndex& index = *parts.unsealed[part].index;
  // Only the last one may be growing; the others are not changed any more.
  if (part + 1 < parts.unsealed.size()) return ask(index);
  return live_.with([&](const Live&) { return ask(index); });
}

// Tiers and parts cover disjoint ranges of seq, also when a part is sealed during the query.
template <typename Entry, typename Ask>
Result<std::vector<Entry>> LogIndex::in_order(const EntryQuery& query, Ask ask) {
  const Parts held = parts();
  std::vector<Entry> found;
  EntryQuery piece = query;
  const auto add = [&](auto&& ask_piece, Seq from, Seq to) -> Status {
    piece.from = std::max(query.from, from);
    piece.to = std::min(query.to, to);
    piece.limit = query.limit - found.size();
    if (piece.limit == 0 || piece.from >= piece.to) return {};
    PH_ASSIGN(const std::vector<Entry> more, ask_piece(piece));
    found.insert(found.end(), more.begin(), more.end());
    return {};
  };
  const size_t count = held.unsealed.size();
  for (size_t step = 0; step <= count; ++step) {
    const size_t part = query.ascending ? step : count - step;  // 0: the tiers
    if (part == 0) {
      PH_TRY(add([&](const EntryQuery& q) { return ask(tiers_, q); }, Seq{}, held.first));
      continue;
    }
    const Seq to = part < count ? held.unsealed[part].first : kEndOfLog;
    PH_TRY(add(
        [&](const EntryQuery& q) {
          return ask_part(held, part - 1, [&](IndexReader& index) { return ask(index, q); });
        },
        held.unsealed[part - 1].first, to));
  }
  return found;
}

template <typename Entry, typename Ask>
Result<std::vector<Entry>> LogIndex::everywhere(Ask ask) {
  const Parts held = parts();
  PH_ASSIGN(std::vector<Entry> found, ask(tiers_));
  std::erase_if(found, [&](const Entry& entry) { return entry.place.seq >= held.first; });
  for (size_t part = 0; part < held.unsealed.size(); ++part) {
    PH_ASSIGN(const std::vector<Entry> more, ask_part(held, part, ask));
    found.insert(found.end(), more.begin(), more.end());
  }
  return found;
}

template <typename Found, typename Ask>
Result<std::optional<Found>> LogIndex::where_seq(Seq seq, Ask ask) {
  const Parts held = parts();
  for (size_t part = held.unsealed.size(); part-- > 0;) {
    if (seq >= held.unsealed[part].first) return ask_part(held, part, ask);
  }
  return ask(tiers_);
}

template <typename Answer, typename Ask>
Result<Answer> LogIndex::of_segment(SegmentNumber segment, Ask ask) {
  const Parts held = parts();
  for (size_t part = 0; part < held.unsealed.size(); ++part) {
    if (held.unsealed[part].index->segment() == segment) return ask_part(held, part, ask);
  }
  return ask(tiers_);
}

Result<std::optional<MessageEntry>> LogIndex::message(Seq seq) {
  return where_seq<MessageEntry>(seq, [&](IndexReader& index) { return index.message(seq); });
}

Result<std::vector<MessageEntry>> LogIndex::messages_with_id(const MessageId& id) {
  return everywhere<MessageEntry>([&](IndexReader& index) { return index.messages_with_id(id); });
}

Result<std::vector<AppEntry>> LogIndex::messages_of_app(const EntryQuery& query) {
  return in_order<AppEntry>(query, [](IndexReader& index, const EntryQuery& piece) {
    return index.messages_of_app(piece);
  });
}

Result<std::vector<TargetEntry>> LogIndex::messages_to_endpoint(const EntryQuery& query) {
  return in_order<TargetEntry>(query, [](IndexReader& index, const EntryQuery& piece) {
    return index.messages_to_endpoint(piece);
  });
}

Result<std::vector<AttemptEntry>> LogIndex::attempts_to_endpoint(const EntryQuery& query,
                                                                 const AttemptFilter& filter) {
  return in_order<AttemptEntry>(query, [&](IndexReader& index, const EntryQuery& piece) {
    return index.attempts_to_endpoint(piece, filter);
  });
}

Result<std::vector<AttemptEntry>> LogIndex::attempts_of_message(const OfMessage& query) {
  PH_ASSIGN(std::vector<AttemptEntry> found, everywhere<AttemptEntry>([&](IndexReader& index) {
              return index.attempts_of_message(query);
            }));
  if (found.size() > query.limit) found.resize(query.limit);
  return found;
}

Result<std::vector<AttemptEntry>> LogIndex::attempts_with_id(const AttemptId& id) {
  return everywhere<AttemptEntry>([&](IndexReader& index) { return index.attempts_with_id(id); });
}

Result<model::Targets> LogIndex::target_set(SegmentNumber segment, uint32_t set) {
  return of_segment<model::Targets>(
      segment, [&](IndexReader& index) { return index.target_set(segment, set); });
}

Result<std::optional<DeliveryOrdinal>> LogIndex::delivery(Seq message, const EndpointId& endpoint) {
  return where_seq<DeliveryOrdinal>(
      message, [&](IndexReader& index) { return index.delivery(message, endpoint); });
}

Result<std::optional<MessageEntry>> LogIndex::message_of_delivery(SegmentNumber segment,
                                                                  DeliveryOrdinal delivery) {
  return of_segment<std::optional<MessageEntry>>(
      segment, [&](IndexReader& index) { return index.message_of_delivery(segment, delivery); });
}

Result<Seq> LogIndex::first_at(WallTime at) {
  const Parts held = parts();
  PH_ASSIGN(Seq first, tiers_.first_at(at));
  if (first < held.first) return first;
  for (size_t part = 0; part < held.unsealed.size(); ++part) {
    PH_ASSIGN(first, ask_part(held, part, [&](IndexReader& index) { return index.first_at(at); }));
    if (first != kEndOfLog) return first;
  }
  return kEndOfLog;
}

std::vector<LogIndex::InMemory> LogIndex::in_memory() const {
  std::vector<InMemory> segments;
  for (const Unsealed& part : parts().unsealed) {
    segments.push_back({part.index->segment(), part.first});
  }
  return segments;
}

std::vector<std::pair<SegmentNumber, Seq>> LogIndex::segments() const {
  const Parts held = parts();
  std::vector<std::pair<SegmentNumber, Seq>> all;
  for (const SegmentSpan& span : tiers_.segments()) {
    if (span.first.value != 0 && span.first < held.first)
      all.emplace_back(span.segment, span.first);
  }
  for (const Unsealed& part : held.unsealed) all.emplace_back(part.index->segment(), part.first);
  return all;
}

std::optional<SegmentSpan> LogIndex::span_of(SegmentNumber segment) const {
  const Parts held = parts();
  for (size_t part = 0; part < held.unsealed.size(); ++part) {
    if (held.unsealed[part].index->segment() != segment) continue;
    return ask_part(held, part, [](const OpenIndex& index) { return std::optional(index.span()); });
  }
  for (const SegmentSpan& span : tiers_.segments()) {
    if (span.segment == segment) return span;
  }
  return std::nullopt;
}

std::optional<SegmentNumber> LogIndex::segment_of(Seq seq) const {
  const Parts held = parts();
  for (size_t part = held.unsealed.size(); part-- > 0;) {
    if (seq >= held.unsealed[part].first) return held.unsealed[part].index->segment();
  }
  return tiers_.segment_of(seq);
}

Result<DeliveryPlace> LogIndex::place_of(Seq message_seq, const EndpointId& endpoint) {
  PH_ASSIGN(const std::optional<MessageEntry> entry, message(message_seq));
  if (!entry) return error(Errc::kNotFound, "there is no such message");
  PH_ASSIGN(const std::optional<DeliveryOrdinal> ordinal, delivery(message_seq, endpoint));
  if (!ordinal) return error(Errc::kNotFound, "the message does not go to this endpoint");
  return DeliveryPlace{entry->place.segment, *ordinal};
}

}  // namespace posthorn::store::segment

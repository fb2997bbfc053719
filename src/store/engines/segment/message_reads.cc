// Reading messages.
#include "store/engines/segment/message_reads.h"

#include <fmt/format.h>

#include <algorithm>

#include "store/query_match.h"

namespace posthorn::store::segment {
namespace {

constexpr size_t kEntriesAtOnce = 64;

Error not_found() { return error(Errc::kNotFound, "there is no such message"); }

// One page of messages, from entries in the order of the query.
class PageFill {
 public:
  explicit PageFill(const MessageQuery& query) : query_(query) {
    types_.reserve(query.event_types.size());
    for (const std::string& type : query.event_types) types_.push_back(event_type_hash(type));
  }

  // Not worth reading. The last one is: the next page goes on after its id.
  bool skips(const AppEntry& entry) {
    const bool of_type =
        types_.empty() || std::find(types_.begin(), types_.end(), entry.type_hash) != types_.end();
    if (of_type || is_last()) return false;
    ++looked_at_;
    return true;
  }

  // True when the page ends.
  bool ends_with(MessageRef message) {
    const MessageId id = message->id;
    if (!is_after(query_, id)) return false;
    const bool last = is_last();
    ++looked_at_;
    const bool fits = matches(query_, *message);
    page_.done = !last && (!fits || page_.items.size() < query_.limit);
    if (fits && page_.items.size() == query_.limit) return true;
    if (fits) page_.items.push_back(std::move(message));
    if (last) page_.looked_to = id.bytes;
    return last;
  }

  Page<MessageRef> page() && { return std::move(page_); }

 private:
  bool is_last() const { return query_.look_max != 0 && looked_at_ + 1 >= query_.look_max; }

  const MessageQuery& query_;
  std::vector<uint32_t> types_;
  size_t looked_at_ = 0;
  Page<MessageRef> page_;
};

}  // namespace

Result<MessageRef> MessageReads::read_at(const RecordPlace& place, uint32_t set,
                                         bool with_payload) {
  PH_ASSIGN(const StoredRecord record, reader_.read(place));
  // An erasure that is cut off leaves some of the payload.
  const bool erasing =
      live_.with([&](const Live& live) { return live.erasing.contains(place.seq); });
  auto message = model::decode_message(record.view, with_payload && !erasing);
  if (!message.ok()) return reader_.damaged(place, std::move(message).error());
  PH_ASSIGN(message->targets, index_.target_set(place.segment, set));
  message->payload_expunged |= erasing;
  return MessageRef(std::make_shared<model::Message>(std::move(message).value()));
}

Result<MessageRef> MessageReads::read(Seq seq) {
  PH_ASSIGN(const std::optional<MessageEntry> entry, index_.message(seq));
  if (!entry) return not_found();
  return read_at(entry->place, entry->set, true);
}

Result<MessageRef> MessageReads::read(const AppId& app, const MessageId& id) {
  PH_ASSIGN(const std::vector<MessageEntry> entries, index_.messages_with_id(id));
  for (const MessageEntry& entry : entries) {
    PH_ASSIGN(MessageRef message, read_at(entry.place, entry.set, true));
    if (message->id == id && message->app == app) return message;
  }
  return not_found();
}

Result<Seq> MessageReads::seq_of(const AppId& app, const MessageId& id) {
  PH_ASSIGN(const std::vector<MessageEntry> entries, index_.messages_with_id(id));
  for (const MessageEntry& entry : entries) {
    PH_ASSIGN(const MessageRef message, read_at(entry.place, entry.set, false));
    if (message->id == id && message->app == app) return message->seq;
  }
  return not_found();
}

Result<LaneRead> MessageReads::read_lane(const LaneQuery& query) {
  LaneRead read;
  // What is committed after this is not looked for.
  const Seq end = live_.with([](const Live& live) { return live.end.last.next(); });
  EntryQuery entries;
  entries.tail = query.endpoint.bytes.tail();
  entries.from = query.from;
  entries.to = std::max(end, query.from);
  entries.ascending = true;
  entries.limit = std::min(query.count_max + 1, kEntriesAtOnce);
  size_t bytes = 0;
  while (true) {
    PH_ASSIGN(const std::vector<TargetEntry> found, index_.messages_to_endpoint(entries));
    for (const TargetEntry& entry : found) {
      if (read.messages.size() == query.count_max || bytes >= query.payload_bytes_max) {
        read.next = entry.place.seq;
        return read;
      }
      Result<MessageRef> message = this->read(entry.place.seq);
      if (is_left_out(message, "a message")) continue;
      if (!message.ok()) return std::move(message).error();
      if (!(*message)->targets->contains(query.endpoint) || (*message)->app != query.app) continue;
      bytes += (*message)->payload.size();
      read.messages.push_back(std::move(message).value());
    }
    if (found.size() < entries.limit) break;
    entries.from = found.back().place.seq.next();
  }
  read.next = entries.to;
  read.at_end = true;
  return read;
}

// Times grow with the log, so a message at or after the time ends what came before it.
Result<Seq> MessageReads::end_before(WallTime at) { return index_.first_at(at + kIdTimeSlack); }

Status MessageReads::narrow(const PageBounds& bounds, EntryQuery& query) {
  if (bounds.since.us != 0) {
    PH_ASSIGN(const Seq first, index_.first_at(bounds.since - kIdTimeSlack));
    query.from = std::max(query.from, first);
  }
  if (bounds.before.us != 0) {
    PH_ASSIGN(const Seq first, end_before(bounds.before));
    query.to = std::min(query.to, first);
  }
  if (!bounds.after) return {};
  // The message of the iterator may be gone; its id still says when it was.
  const WallTime at = bounds.after->bytes.time();
  if (bounds.ascending) {
    PH_ASSIGN(const Seq first, index_.first_at(at - kIdTimeSlack));
    query.from = std::max(query.from, first);
  } else {
    PH_ASSIGN(const Seq first, end_before(at));
    query.to = std::min(query.to, first);
  }
  return {};
}

Result<Page<MessageRef>> MessageReads::list(const MessageQuery& query) {
  EntryQuery entries;
  entries.tail = query.app.bytes.tail();
  entries.ascending = query.ascending;
  entries.limit = std::min(query.limit + 1, kEntriesAtOnce);
  PH_TRY(narrow({query.after, query.ascending, query.since, query.before}, entries));
  PageFill fill(query);
  while (true) {
    PH_ASSIGN(const std::vector<AppEntry> found, index_.messages_of_app(entries));
    for (const AppEntry& entry : found) {
      if (fill.skips(entry)) continue;
      Result<MessageRef> message = read_at(entry.place, entry.set, query.with_payload);
      if (is_left_out(message, "a message")) continue;
      if (!message.ok()) return std::move(message).error();
      if (fill.ends_with(*std::move(message))) return std::move(fill).page();
    }
    if (found.size() < entries.limit) return std::move(fill).page();
    entries.go_behind(found.back().place.seq);
  }
}

}  // namespace posthorn::store::segment

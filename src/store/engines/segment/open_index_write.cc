// Writing the index file of a segment from the index in memory: each table in key order, the small
// run tables last.
#include <algorithm>

#include "store/engines/segment/open_tables.h"
#include "store/engines/segment/sorted_file_writer.h"

namespace posthorn::store::segment {
namespace {

using Tables = OpenIndex::Tables;

// One entry at a time into a table: key, then value.
class TableWriter {
 public:
  explicit TableWriter(SortedFileWriter& out) : out_(out) {}

  Status begin(IndexTable table, uint64_t distinct_max = 0) {
    return out_.begin_table(index_shape(table), distinct_max);
  }
  Status end() { return out_.end_table(); }
  // The caller fills the value behind the key, then calls put().
  ByteWriter entry(const KeyBytes& key) {
    entry_.assign(key.view());
    return ByteWriter(entry_);
  }
  Status put() { return out_.add(entry_); }
  Status put(ByteView entry) { return out_.add(entry); }

 private:
  SortedFileWriter& out_;
  std::string entry_;
};

ByteView head_view(const IdHead& head) {
  return {reinterpret_cast<const char*>(head.data()), head.size()};
}

Status write_messages(const Tables& t, TableWriter& out) {
  PH_TRY(out.begin(kMessages));
  for (const MessageRow& m : t.messages) {
    ByteWriter value = out.entry(KeyBytes().u32(m.seq));
    value.u32(m.offset);
    value.u32(m.set);
    value.u32(m.first_delivery);
    value.bytes(head_view(m.id));
    PH_TRY(out.put());
  }
  return out.end();
}

Status write_app_messages(const Tables& t, TableWriter& out) {
  PH_TRY(out.begin(kAppMessages));
  for (const auto& [tail, list] : t.app_messages.sorted()) {
    for (const uint32_t row : *list) {
      const MessageRow& m = t.messages[row];
      ByteWriter value = out.entry(KeyBytes().tail(tail).u32(m.seq));
      value.u32(m.offset);
      value.u32(m.set);
      value.u32(m.type_hash);
      value.u64(static_cast<uint64_t>(m.at_us));
      PH_TRY(out.put());
    }
  }
  return out.end();
}

Status write_set_messages(const Tables& t, TableWriter& out) {
  PH_TRY(out.begin(kSetMessages));
  for (uint32_t set = 0; set < t.sets.size(); ++set) {
    for (const uint32_t row : t.set_messages[set]) {
      const MessageRow& m = t.messages[row];
      ByteWriter value = out.entry(KeyBytes().u32(set).u32(m.seq));
      value.u32(m.offset);
      value.u32(m.first_delivery);
      PH_TRY(out.put());
    }
  }
  return out.end();
}

Status write_sets(const Tables& t, TableWriter& out) {
  PH_TRY(out.begin(kSets));
  for (uint32_t set = 0; set < t.sets.size(); ++set) {
    uint32_t place = 0;
    for (const EndpointId& endpoint : t.sets[set]->endpoints()) {
      out.entry(KeyBytes().u32(set).u32(place++)).bytes(endpoint.bytes.view());
      PH_TRY(out.put());
    }
  }
  return out.end();
}

using EndpointSets = std::vector<std::pair<uint64_t, const std::vector<SetMember>*>>;

EndpointSets sorted_endpoint_sets(const Tables& t) {
  EndpointSets all;
  all.reserve(t.endpoint_sets.size());
  for (const auto& [tail, members] : t.endpoint_sets) all.emplace_back(tail, &members);
  std::sort(all.begin(), all.end(),
            [](const auto& a, const auto& b) { return tail_order(a.first) < tail_order(b.first); });
  return all;
}

Status write_endpoint_sets(const EndpointSets& endpoints, TableWriter& out) {
  PH_TRY(out.begin(kEndpointSets));
  for (const auto& [tail, members] : endpoints) {
    uint32_t last = kNoRow;
    for (const SetMember& member : *members) {
      // Two endpoints of a set whose tails are equal: the first one speaks for both, and readers
      // compare full ids.
      if (member.set == last) continue;
      last = member.set;
      out.entry(KeyBytes().tail(tail).u32(member.set)).u32(member.place);
      PH_TRY(out.put());
    }
  }
  return out.end();
}

Status write_endpoint_attempts(const Tables& t, TableWriter& out) {
  PH_TRY(out.begin(kEndpointAttempts));
  for (const auto& [tail, list] : t.endpoint_attempts.sorted()) {
    for (const uint32_t row : *list) {
      const AttemptRow& a = t.attempts[row];
      ByteWriter value = out.entry(KeyBytes().tail(tail).u32(a.seq));
      value.u32(a.offset);
      value.u8(a.facet.value);
      PH_TRY(out.put());
    }
  }
  return out.end();
}

// Attempt rows by message, endpoint and seq. Most attempts follow their message closely, so the
// rows are nearly in order already.
std::vector<uint32_t> rows_by_message(const Tables& t) {
  std::vector<uint32_t> rows(t.attempts.size());
  for (uint32_t row = 0; row < rows.size(); ++row) rows[row] = row;
  std::sort(rows.begin(), rows.end(), [&](uint32_t a, uint32_t b) {
    const AttemptRow& x = t.attempts[a];
    const AttemptRow& y = t.attempts[b];
    if (x.message != y.message) return x.message < y.message;
    if (x.endpoint_tail != y.endpoint_tail)
      return tail_order(x.endpoint_tail) < tail_order(y.endpoint_tail);
    return a < b;
  });
  return rows;
}

Status write_message_attempts(const Tables& t, TableWriter& out) {
  PH_TRY(out.begin(kMessageAttempts));
  for (const uint32_t row : rows_by_message(t)) {
    const AttemptRow& a = t.attempts[row];
    ByteWriter value = out.entry(KeyBytes().u64(a.message).tail(a.endpoint_tail).u32(a.seq));
    value.u32(a.offset);
    value.u8(a.facet.value);
    PH_TRY(out.put());
  }
  return out.end();
}

Status write_attempts(const Tables& t, TableWriter& out) {
  PH_TRY(out.begin(kAttempts));
  for (const AttemptRow& a : t.attempts) {
    ByteWriter value = out.entry(KeyBytes().u32(a.seq));
    value.u32(a.offset);
    value.bytes(head_view(a.id));
    PH_TRY(out.put());
  }
  return out.end();
}

// Either an entry for each row, or one mark for all of them.
template <typename EntryOf>
Status write_run(IndexTable table, const std::vector<uint32_t>& rows, EntryOf entry_of,
                 TableWriter& out) {
  if (rows.size() <= kRunEntriesMax) {
    for (const uint32_t row : rows) PH_TRY(out.put(encode_run(table, entry_of(row))));
    return {};
  }
  RunEntry mark = entry_of(rows.front());
  mark.count = static_cast<uint32_t>(rows.size());
  for (const uint32_t row : rows) mark.facets |= entry_of(row).facets;
  return out.put(encode_run(table, mark));
}

Status write_app_runs(const Tables& t, TableWriter& out) {
  const auto apps = t.app_messages.sorted();
  PH_TRY(out.begin(kAppRuns, apps.size()));
  for (const auto& [tail, list] : apps) {
    const auto entry_of = [&, app = tail](uint32_t row) {
      const MessageRow& m = t.messages[row];
      RunEntry run{.tail = app, .seq = Seq{t.base.value + m.seq}, .offset = m.offset};
      run.set = m.set;
      run.type_hash = m.type_hash;
      run.at = WallTime{m.at_us};
      return run;
    };
    PH_TRY(write_run(kAppRuns, *list, entry_of, out));
  }
  return out.end();
}

Status write_attempt_runs(const Tables& t, TableWriter& out) {
  const auto endpoints = t.endpoint_attempts.sorted();
  PH_TRY(out.begin(kAttemptRuns, endpoints.size()));
  for (const auto& [tail, list] : endpoints) {
    const auto entry_of = [&, endpoint = tail](uint32_t row) {
      const AttemptRow& a = t.attempts[row];
      return RunEntry{endpoint, Seq{t.base.value + a.seq}, a.offset, 1, facet_bits(a.facet)};
    };
    PH_TRY(write_run(kAttemptRuns, *list, entry_of, out));
  }
  return out.end();
}

// A single message to an endpoint in full; with several one mark, because fan-out would make the
// entries as many as deliveries.
Status write_target_runs(const Tables& t, const EndpointSets& endpoints, TableWriter& out) {
  PH_TRY(out.begin(kTargetRuns, endpoints.size()));
  for (const auto& [tail, members] : endpoints) {
    RunEntry run{tail, kEndOfLog, 0, 0};
    for (const SetMember& member : *members) {
      const auto& list = t.set_messages[member.set];
      if (list.empty()) continue;
      run.count += static_cast<uint32_t>(list.size());
      const MessageRow& m = t.messages[list.front()];
      if (t.base.value + m.seq >= run.seq.value) continue;
      run.seq = Seq{t.base.value + m.seq};
      run.offset = m.offset;
      run.delivery = m.first_delivery + member.place;
    }
    if (run.count > 0) PH_TRY(out.put(encode_run(kTargetRuns, run)));
  }
  return out.end();
}

Status write_late_attempts(const Tables& t, TableWriter& out) {
  std::vector<std::string> entries;
  for (const AttemptRow& a : t.attempts) {
    if (a.message >= t.base.value) continue;
    entries.push_back(encode_late(
        {Seq{a.message}, Seq{t.base.value + a.seq}, a.offset, a.facet, a.endpoint_tail}));
  }
  std::sort(entries.begin(), entries.end());
  PH_TRY(out.begin(kLateAttempts, t.late.size()));
  for (const std::string& entry : entries) PH_TRY(out.put(entry));
  return out.end();
}

}  // namespace

Status OpenIndex::write(SortedFileWriter& file) const {
  const Tables& t = *tables_;
  const EndpointSets endpoints = sorted_endpoint_sets(t);
  TableWriter out(file);
  PH_TRY(write_messages(t, out));
  PH_TRY(write_app_messages(t, out));
  PH_TRY(write_set_messages(t, out));
  PH_TRY(write_sets(t, out));
  PH_TRY(write_endpoint_sets(endpoints, out));
  PH_TRY(write_endpoint_attempts(t, out));
  PH_TRY(write_message_attempts(t, out));
  PH_TRY(write_attempts(t, out));
  PH_TRY(write_app_runs(t, out));
  PH_TRY(write_target_runs(t, endpoints, out));
  PH_TRY(write_attempt_runs(t, out));
  return write_late_attempts(t, out);
}

}  // namespace posthorn::store::segment

// Derived files from the log.
#include "store/engines/segment/repair.h"

#include <algorithm>
#include <tuple>

#include "base/log.h"

namespace posthorn::store::segment {

Result<bool> Repair::step() {
  // Indexes first: the others are made with their help.
  if (const auto segments = parts_.tiers.damaged(); !segments.empty()) {
    PH_TRY(mend_index(segments.front()));
    return true;
  }
  const auto [sidecars, due, payloads] =
      parts_.ledger.up_to_date([&](Outcomes& outcomes, DueRuns& runs) {
        return std::tuple(outcomes.damaged(), runs.damaged(), parts_.ledger.payloads().damaged());
      });
  if (!sidecars.empty()) {
    PH_TRY(parts_.ledger.mend_outcomes(sidecars.front()));
    log(LogLevel::kWarn, "store", "the outcomes of segment {} are made again",
        sidecars.front().value);
    return true;
  }
  if (due) {
    PH_TRY(mend_due());
    return true;
  }
  if (payloads) {
    PH_TRY(mend_payloads());
    return true;
  }
  if (const auto keys = parts_.keys.damaged(); !keys.empty()) {
    PH_TRY(mend_keys(keys.front()));
    return true;
  }
  return false;
}

Status Repair::mend_index(SegmentNumber segment) {
  PH_ASSIGN(const ReplayedSegment replayed,
            replay_segment(parts_.files, segment, kEndOfLog, ReplayVisitor{}));
  PH_TRY(parts_.tiers.seal(*replayed.index));
  log(LogLevel::kWarn, "store", "the index of segment {} is made again", segment.value);
  if (replayed.scan.incomplete_stretches == 0) return {};
  parts_.files.note_damage(segment);
  // What is missing has moved the numbers of the deliveries behind it.
  log(LogLevel::kError, "store", "segment {} is damaged in {} places: what lay there is lost",
      segment.value, replayed.scan.incomplete_stretches);
  parts_.ledger.up_to_date([&](Outcomes& outcomes, DueRuns&) { outcomes.mark_damaged(segment); });
  return {};
}

Result<std::vector<SegmentNumber>> Repair::written_segments() const {
  const SegmentNumber last = parts_.live.with([](const Live& live) { return live.end.segment; });
  PH_ASSIGN(const auto found, parts_.files.list(SegmentNumber{kEndOfLog.value}));
  std::vector<SegmentNumber> numbers;
  for (const FoundSegment& segment : found) {
    if (segment.number <= last) numbers.push_back(segment.number);
  }
  return numbers;
}

Status Repair::mend_due() {
  return parts_.ledger.up_to_date([&](Outcomes&, DueRuns& due) -> Status {
    Status told;
    const auto tell = [&](const auto& record) {
      std::vector<DueChange> changes;
      due_changes(record, changes);
      for (const DueChange& change : changes) {
        if (change.add)
          due.add(change.entry);
        else if (told.ok())
          told = due.settled(change.entry);
      }
    };
    PH_TRY(tell_again("due entries", due, {tell, tell, tell}, told));
    return add_retries(due);
  });
}

// In front of a gap, where the log does not show all of them.
Status Repair::add_retries(DueRuns& due) {
  PH_ASSIGN(const auto segments, written_segments());
  for (const SegmentNumber segment : segments) {
    if (segment > parts_.files.newest_gap()) break;
    Status added = parts_.ledger.gap_repair().add_retries(segment);
    if (added.ok()) continue;
    due.mark_damaged();
    return added;
  }
  return {};
}

Status Repair::mend_payloads() {
  return parts_.ledger.up_to_date([&](Outcomes&, DueRuns&) {
    DueRuns& ends = parts_.ledger.payloads();
    Status told;
    ReplayVisitor visit;
    visit.message = [&](const model::Message& message) {
      if (message.payload_retention_hours != 0) ends.add(payload_end(message));
    };
    visit.command = [&](const model::Command& command) {
      if (told.ok()) told = parts_.ledger.settle_payload(command);
    };
    return tell_again("ends of payloads", ends, visit, told);
  });
}

// Inside of the ledger, so readers wait meanwhile. What is committed during it is noted and applied
// again behind it, which ends at the same. `told` is what the visitor met.
Status Repair::tell_again(std::string_view what, DueRuns& runs, const ReplayVisitor& visit,
                          const Status& told) {
  PH_ASSIGN(const auto segments, written_segments());
  const Seq last = parts_.live.with([](const Live& live) { return live.end.last; });
  runs.restart();
  for (const SegmentNumber segment : segments) {
    const auto replayed = replay_segment(parts_.files, segment, last, visit);
    Status done = told;
    if (!replayed.ok() && replayed.error().code != Errc::kNotFound) done = replayed.error();
    if (done.ok() && runs.wants_flush()) done = runs.flush();
    if (done.ok()) continue;
    runs.mark_damaged();
    return done;
  }
  log(LogLevel::kWarn, "store", "the {} are made again from {} segments", what, segments.size());
  return {};
}

// One file a segment; the tiers merge them again.
Status Repair::mend_keys(const NumberRange& seqs) {
  PH_ASSIGN(const auto segments, written_segments());
  std::vector<SegmentSpan> spans = parts_.tiers.segments();
  for (const SegmentNumber segment : segments) {
    const auto span = std::find_if(spans.begin(), spans.end(),
                                   [&](const SegmentSpan& s) { return s.segment == segment; });
    const bool outside =
        span != spans.end() && (span->last.value < seqs.first || span->first.value > seqs.last);
    if (!outside) PH_TRY(write_keys_of(segment, seqs));
  }
  log(LogLevel::kWarn, "store", "the keys of messages {} to {} are made again", seqs.first,
      seqs.last);
  return parts_.keys.remove_damaged(seqs);
}

Status Repair::write_keys_of(SegmentNumber segment, const NumberRange& seqs) {
  KeyTable table(std::numeric_limits<size_t>::max(), 0);  // a segment's size bounds it
  ReplayVisitor visit;
  visit.message = [&](const model::Message& message) {
    if (message.seq.value < seqs.first || message.seq.value > seqs.last) return;
    for (const model::DedupeKey& key : {message.idempotency, message.event_id_key}) {
      if (!key.empty()) table.insert(key, message.seq, message.accepted_at);
    }
  };
  const auto replayed = replay_segment(parts_.files, segment, Seq{seqs.last}, visit);
  if (!replayed.ok() && replayed.error().code == Errc::kNotFound) return {};
  if (!replayed.ok()) return replayed.error();
  return parts_.keys.add(table);
}

}  // namespace posthorn::store::segment

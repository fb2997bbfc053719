// Replaying the log.
#include "store/engines/segment/recovery.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/log.h"
#include "store/engines/segment/segment_replay.h"

namespace posthorn::store::segment {
namespace {

constexpr size_t kFollowUpsMax = 64 * 1024;

}  // namespace

Status Recovery::run() {
  checkpoint_ = parts_.live.with([](const Live& live) { return live.end; });
  PH_ASSIGN(found_, parts_.files.list(std::max(checkpoint_.segment, SegmentNumber{1})));
  forget_taken_out();
  PH_TRY(rebuild_missing(found_, checkpoint_.segment));
  PH_ASSIGN(const std::vector<Used> used, find_used(checkpoint_.segment));
  uint64_t after_group = 0;
  for (size_t i = 0; i < used.size(); ++i) {
    ScanBounds bounds;
    bounds.generation = used[i].generation;
    bounds.after_group = after_group;
    bounds.durable_group = checkpoint_.group;
    const bool adjacent = i + 1 < used.size() && used[i + 1].number == used[i].number.next();
    if (adjacent) bounds.durable_group = used[i + 1].first_group - 1;
    PH_TRY(replay(used[i], bounds));
    after_group = parts_.live.with([](const Live& live) { return live.end.group; });
    if (i + 1 < used.size()) PH_TRY(seal_replayed());
  }
  const SegmentNumber open = used.empty() ? SegmentNumber{} : used.back().number;
  last_prepared_ = open;
  for (const FoundSegment& segment : found_) {
    if (segment.number <= open) continue;
    // One that was to be prepared on a full disk has no blocks.
    if (!parts_.files.prepared(segment.number)) break;
    last_prepared_ = segment.number;
  }
  return {};
}

// What is known of segments that have left the log, where the end of that was cut off.
void Recovery::forget_taken_out() {
  const auto is_gone = [&](SegmentNumber number) {
    const auto at = std::partition_point(found_.begin(), found_.end(),
                                         [&](const FoundSegment& f) { return f.number < number; });
    return at == found_.end() || at->number != number;
  };
  std::vector<SegmentNumber> gone;
  for (const SegmentSpan& span : parts_.tiers.segments()) {
    if (is_gone(span.segment)) gone.push_back(span.segment);
  }
  parts_.ledger.up_to_date([&](Outcomes& outcomes, DueRuns&) {
    for (const SegmentNumber segment : outcomes.segments()) {
      if (is_gone(segment)) outcomes.restart(segment);
    }
  });
  if (gone.empty()) return;
  log(LogLevel::kInfo, "store", "{} segments from {} on have left the log, their indexes go",
      gone.size(), gone.front().value);
  const Status removed = parts_.tiers.remove(gone);
  if (!removed.ok()) log(LogLevel::kWarn, "store", "indexes stay: {}", removed.error().message);
}

// The segments from the checkpoint on that hold groups. A damaged header is made up for by the
// first group, whose number must fit.
Result<std::vector<Recovery::Used>> Recovery::find_used(SegmentNumber from) {
  std::vector<Used> used;
  for (const FoundSegment& segment : found_) {
    if (segment.number < from) continue;
    Used candidate{segment.number, 0, {}, 0};
    if (segment.header) {
      candidate.generation = segment.header->generation;
      candidate.first_seq = segment.header->first_seq;
      candidate.first_group = segment.header->first_group;
    } else {
      PH_ASSIGN(candidate.generation, parts_.files.generation_of(segment.number));
      if (candidate.generation == 0) continue;  // prepared
      PH_ASSIGN(const auto file, parts_.files.open(segment.number, io::OpenMode::kRead));
      std::string bytes(kGroupHeaderBytes, '\0');
      PH_TRY(file->read(kSegmentHeaderBytes, bytes));
      const auto group = parse_group_header(bytes, candidate.generation);
      if (!group) continue;
      candidate.first_group = group->number;
      log(LogLevel::kError, "store", "the header of segment {} is damaged, its groups are used",
          segment.number.value);
    }
    // Left over from an earlier use of the file: its groups are older than those before it.
    if (!used.empty() && candidate.first_group <= used.back().first_group) continue;
    used.push_back(candidate);
  }
  return used;
}

// Sealed segments that the tiers do not know: their index was lost or not written yet.
Status Recovery::rebuild_missing(const std::vector<FoundSegment>& found, SegmentNumber below) {
  std::vector<SegmentNumber> known;
  for (const SegmentSpan& span : parts_.tiers.segments()) known.push_back(span.segment);
  for (size_t i = 0; i < found.size() && found[i].number < below; ++i) {
    const SegmentNumber number = found[i].number;
    if (std::binary_search(known.begin(), known.end(), number)) continue;
    log(LogLevel::kWarn, "store", "the index of segment {} is made again", number.value);
    const auto replayed = replay_segment(parts_.files, number, checkpoint_.last, ReplayVisitor{});
    if (!replayed.ok() && replayed.error().code == Errc::kNotFound) continue;
    if (!replayed.ok()) return replayed.error();
    count(number, replayed->scan);
    PH_TRY(parts_.tiers.seal(*replayed->index));
  }
  return {};
}

// What the header of a segment says where that is damaged: the seq behind the segments before it.
Seq Recovery::first_behind(SegmentNumber segment) const {
  Seq last = newest_;
  for (const SegmentSpan& span : parts_.tiers.segments()) {
    if (span.segment < segment) last = std::max(last, span.last);
  }
  return last.next();
}

Status Recovery::replay(const Used& segment, const ScanBounds& bounds) {
  const Seq first = segment.first_seq.value != 0 ? segment.first_seq : first_behind(segment.number);
  parts_.live.with([&](Live& live) {
    if (live.open.index) live.sealing.push_back(std::move(live.open));
    live.open = {std::make_shared<OpenIndex>(segment.number), first};
    live.set_slots.clear();
  });
  PH_ASSIGN(const auto file, parts_.files.open(segment.number, io::OpenMode::kRead));
  SegmentSets sets(*file, bounds, [&](uint32_t set, const model::Targets& targets) {
    parts_.live.with([&](Live& live) { apply_set(live, set, targets); });
  });
  PH_ASSIGN(const ScanResult result,
            scan_segment(*file, bounds, [&](uint32_t offset, const model::RecordView& record) {
              return take(offset, record, sets);
            }));
  open_sets_ = sets.all();
  parts_.live.with([&](Live& live) {
    // A checkpoint may know of groups that are damaged now; nothing is written over them.
    const bool at_checkpoint = segment.number == checkpoint_.segment;
    live.end.segment = segment.number;
    live.end.offset = at_checkpoint ? std::max(result.end, checkpoint_.offset) : result.end;
    live.end.group = std::max(live.end.group, result.last_group);
  });
  count(segment.number, result);
  write_out();
  return {};
}

// What gathers in memory goes to disk on the way, as housekeeping would have it: without a
// checkpoint the whole log is read. What cannot be written, because the disk is full, stays in
// memory.
void Recovery::write_out() {
  Status done = write_keys();
  const Status flushed = parts_.ledger.up_to_date([&](Outcomes& outcomes, DueRuns& due) -> Status {
    if (outcomes.wants_flush()) PH_TRY(outcomes.flush());
    for (DueRuns* runs : {&due, &parts_.ledger.payloads()}) {
      if (runs->wants_flush()) PH_TRY(runs->flush());
    }
    return {};
  });
  if (done.ok()) done = flushed;
  if (!done.ok()) {
    log(LogLevel::kError, "store", "what is replayed stays in memory: {}", done.error().message);
  }
}

Status Recovery::write_keys() {
  while (true) {
    const auto table = parts_.live.with([](const Live& live) -> std::shared_ptr<const KeyTable> {
      return live.frozen_keys.empty() ? nullptr : live.frozen_keys.front();
    });
    if (!table) return {};
    PH_TRY(parts_.keys.add(*table));
    parts_.live.with([&](Live& live) {
      live.frozen_keys.erase(live.frozen_keys.begin());
      live.keys.release(table);
    });
  }
}

Status Recovery::take(uint32_t offset, const model::RecordView& record, SegmentSets& sets) {
  const bool is_set = record.type == model::RecordType::kTargetSet;
  if (!is_set && record.seq <= newest_) {
    log(LogLevel::kError, "store", "record {} appears again and is left out", record.seq.value);
    return {};
  }
  if (!is_set) newest_ = record.seq;
  Status taken = is_set ? sets.take(record) : take_record({offset, record.set_id}, record, sets);
  if (!taken.ok() && taken.error().code == Errc::kIo) return taken;
  if (!taken.ok()) {
    log(LogLevel::kError, "store", "record {} is left out: {}", record.seq.value,
        taken.error().message);
    return {};
  }
  if (is_set || record.seq <= checkpoint_.last) return {};
  ++report_.records_replayed;
  const bool much = parts_.live.with([&](Live& live) {
    live.end.last = record.seq;
    live.end.last_time = std::max(live.end.last_time, record.time);
    if (!record.id.empty()) live.end.last_id = std::max(live.end.last_id, record.id);
    return live.follow_ups.size() >= kFollowUpsMax || !live.frozen_keys.empty();
  });
  if (much) write_out();
  return {};
}

Status Recovery::take_record(const Placed& at, const model::RecordView& record, SegmentSets& sets) {
  const bool indexed_only = record.seq <= checkpoint_.last;
  switch (record.type) {
    case model::RecordType::kMessage: {
      PH_ASSIGN(model::Message message, model::decode_message(record, false));
      PH_ASSIGN(message.targets, sets.of(at.set));
      parts_.live.with([&](Live& live) { apply_record(live, message, at, indexed_only); });
      return {};
    }
    case model::RecordType::kAttempt: {
      PH_ASSIGN(const model::Attempt attempt, model::decode_attempt(record, false));
      parts_.live.with([&](Live& live) { apply_record(live, attempt, at, indexed_only); });
      return {};
    }
    case model::RecordType::kCommand: {
      PH_ASSIGN(const model::Command command, model::decode_command(record));
      parts_.live.with([&](Live& live) { apply_record(live, command, at, indexed_only); });
      return {};
    }
    case model::RecordType::kTargetSet:
      break;
  }
  return error(Errc::kUnsupported, "a record of a type that this build does not have");
}

// The segment just read is full: its index goes to the tiers, unless they have it.
Status Recovery::seal_replayed() {
  const Unsealed full = parts_.live.with([](Live& live) { return live.open; });
  const SegmentNumber number = full.index->segment();
  const std::vector<SegmentSpan> spans = parts_.tiers.segments();
  const bool known = std::any_of(spans.begin(), spans.end(),
                                 [&](const SegmentSpan& span) { return span.segment == number; });
  if (!known) {
    if (const Status sealed = parts_.tiers.seal(*full.index); !sealed.ok()) {
      log(LogLevel::kError, "store", "segment {} stays indexed in memory: {}", number.value,
          sealed.error().message);
      parts_.live.with([](Live& live) { live.sealing.push_back(std::move(live.open)); });
    }
  }
  parts_.live.with([](Live& live) { live.open = {}; });
  return {};
}

void Recovery::count(SegmentNumber segment, const ScanResult& result) {
  ++report_.segments_read;
  report_.damaged_stretches += result.damaged_stretches;
  report_.records_salvaged += result.records_salvaged;
  report_.torn_bytes += result.torn_bytes;
  if (result.incomplete_stretches > 0) {
    parts_.files.note_damage(segment);
    // What is missing has moved the numbers of the deliveries behind it.
    parts_.ledger.up_to_date([&](Outcomes& outcomes, DueRuns&) { outcomes.mark_damaged(segment); });
  }
  if (result.damaged_stretches > 0) {
    log(LogLevel::kError, "store",
        "segment {} is damaged in {} places: they are quarantined, {} records were taken out",
        segment.value, result.damaged_stretches, result.records_salvaged);
  }
  if (result.torn_bytes > 0) {
    log(LogLevel::kWarn, "store", "segment {} ends with a torn group of {} bytes: it is cut",
        segment.value, result.torn_bytes);
  }
}

}  // namespace posthorn::store::segment

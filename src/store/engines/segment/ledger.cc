// Applies follow-ups to outcomes, due runs and, for erasures, to the segments themselves.
#include "store/engines/segment/ledger.h"

#include <fmt/format.h>

#include <array>

#include "base/log.h"

namespace posthorn::store::segment {

std::vector<FollowUp> Ledger::take() {
  return parts_.live.with([](Live& live) { return std::exchange(live.follow_ups, {}); });
}

void Ledger::apply(const std::vector<FollowUp>& follow_ups) {
  for (const FollowUp& follow_up : follow_ups) {
    const Status done = std::visit([&](const auto& what) { return apply_one(what); }, follow_up);
    if (done.ok()) continue;
    log(LogLevel::kError, "store", "a follow-up was not applied: {}", done.error().message);
    note_failure(follow_up);
  }
  if (!erasures_.empty()) erase_noted();
}

// The log says the same: what was to be changed is made again from it.
void Ledger::note_failure(const FollowUp& follow_up) {
  if (const auto* deliveries = std::get_if<NewDeliveries>(&follow_up)) {
    parts_.outcomes->mark_damaged(deliveries->first.segment);
  } else if (const auto* outcome = std::get_if<NewOutcome>(&follow_up)) {
    const auto segment = parts_.index.segment_of(outcome->message);
    if (segment) parts_.outcomes->mark_damaged(*segment);
  } else if (std::holds_alternative<DueChange>(follow_up)) {
    parts_.due->mark_damaged();
  }
}

Error Ledger::not_erased() { return error(Errc::kUnavailable, "bytes are still to be erased"); }

Status Ledger::mend_outcomes(SegmentNumber segment) {
  return guarded_.with([&](int&) -> Status {
    apply(take());
    const auto span = parts_.index.span_of(segment);
    parts_.outcomes->restart(segment);
    if (!span) return {};
    for (Seq seq = span->first; seq.value != 0 && seq <= span->last; seq = seq.next()) {
      Status mended;
      const auto entry = parts_.index.message(seq);
      if (!entry.ok())
        mended = entry.error();
      else if (*entry)
        mended = mend_standings(**entry);
      if (mended.ok()) continue;
      parts_.outcomes->mark_damaged(segment);
      return mended;
    }
    // Where both are damaged nothing knows what is missing: it may be sent again.
    if (segment > parts_.files.newest_gap() || parts_.due->damaged()) return {};
    return gap_repair().end_settled(segment);
  });
}

Status Ledger::mend_standings(const MessageEntry& message) {
  PH_ASSIGN(const model::Targets targets,
            parts_.index.target_set(message.place.segment, message.set));
  PH_TRY(parts_.outcomes->extend({message.place.segment, message.first_delivery}, *targets));
  IndexReader::OfMessage query;
  query.message = message.place.seq;
  while (true) {
    PH_ASSIGN(const auto attempts, parts_.index.attempts_of_message(query));
    for (const AttemptEntry& entry : attempts) {
      const auto record = parts_.reader.read(entry.place);
      if (!record.ok() && record.error().code != Errc::kCorrupt) return record.error();
      if (!record.ok()) continue;  // the attempt is damaged; reading it says so
      PH_ASSIGN(const model::Attempt attempt, model::decode_attempt(record->view, false));
      PH_TRY(apply_one(outcome_of(attempt)));
    }
    if (attempts.size() < query.limit) return {};
    query.from = attempts.back().place.seq.next();
  }
}

Status Ledger::apply_one(const NewDeliveries& deliveries) {
  return parts_.outcomes->extend(deliveries.first, *deliveries.targets);
}

Status Ledger::apply_one(const NewOutcome& outcome) {
  DeliveryPlace place = outcome.place;
  if (place.segment.value == 0) {
    auto found = parts_.index.place_of(outcome.message, outcome.endpoint);
    if (!found.ok() && found.error().code == Errc::kNotFound) return {};  // expired history
    if (!found.ok()) return std::move(found).error();
    place = *found;
  }
  PH_ASSIGN(const Standing before, parts_.outcomes->get(place));
  Standing after = outcome.standing;
  after.attempts = std::max(after.attempts, before.attempts);
  // A try that was in flight when its lane was closed does not open the delivery again.
  const bool reopens = after.state == model::DeliveryState::kPending &&
                       before.state != model::DeliveryState::kPending;
  if (reopens && outcome.trigger == model::Trigger::kScheduled) {
    after.state = before.state;
    after.cause = before.cause;
  }
  const auto set = parts_.outcomes->set(place, outcome.endpoint, after);
  if (set.ok()) return {};
  return Error(set.error())
      .context(fmt::format("the outcome of message {}", outcome.message.value));
}

Status Ledger::apply_one(const DueChange& change) {
  if (!change.add) return parts_.due->settled(change.entry);
  parts_.due->add(change.entry);
  return {};
}

Status Ledger::apply_one(const NewPayloadEnd& end) {
  parts_.payloads->add(end.entry);
  return {};
}

Status Ledger::apply_one(const model::Command& command) {
  if (model::erased_record(command).value != 0) erasures_.push_back(command);
  return {};
}

// All of them first, then one sync for each segment. What fails stays noted: until it is done no
// checkpoint is written, so a restart does it again.
void Ledger::erase_noted() {
  Files files;
  std::vector<model::Command> failed;
  std::vector<model::Command> written;
  for (const model::Command& command : erasures_) {
    const Status erased = erase(command, files);
    if (!erased.ok()) log(LogLevel::kError, "store", "not erased yet: {}", erased.error().message);
    (erased.ok() ? written : failed).push_back(command);
  }
  for (const auto& [segment, file] : files) {
    const Status synced = file->sync();
    if (synced.ok()) continue;
    log(LogLevel::kError, "store", "not erased yet: {}", synced.error().message);
    failed.insert(failed.end(), written.begin(), written.end());
    written.clear();
    break;
  }
  parts_.live.with([&](Live& live) {
    for (const model::Command& command : written) live.erasing.erase(model::erased_record(command));
  });
  erasures_ = std::move(failed);
}

Result<std::optional<RecordPlace>> Ledger::place_of(const model::Command& command) {
  if (command.kind == model::CommandKind::kExpungePayload) {
    PH_ASSIGN(const auto entry, parts_.index.message(command.message_seq));
    return entry ? std::optional(entry->place) : std::nullopt;
  }
  IndexReader::OfMessage query;
  query.message = command.message_seq;
  query.from = command.attempt_seq;
  query.limit = 1;
  PH_ASSIGN(const auto entries, parts_.index.attempts_of_message(query));
  const bool found = !entries.empty() && entries.front().place.seq == command.attempt_seq;
  return found ? std::optional(entries.front().place) : std::nullopt;
}

Status Ledger::settle_payload(const model::Command& command) {
  if (command.kind != model::CommandKind::kExpungePayload) return {};
  PH_ASSIGN(const auto place, place_of(command));
  if (!place) return {};
  const Result<StoredRecord> record = parts_.reader.read(*place);
  const Errc code = record.ok() ? Errc::kInternal : record.error().code;
  if (code == Errc::kNotFound || code == Errc::kCorrupt) return {};  // then it has no entry
  if (!record.ok()) return record.error();
  PH_ASSIGN(const model::Message message, model::decode_message(record->view, false));
  const DueEntry end = payload_end(message);
  return end.due.us == 0 ? Status() : parts_.payloads->settled(end);
}

// Zeros over the payload; its checksum stays, so that readers can tell an erased payload from a
// damaged one.
Status Ledger::erase(const model::Command& command, Files& files) {
  PH_ASSIGN(const auto place, place_of(command));
  if (!place) return {};  // it has left the log
  const Result<StoredRecord> record = parts_.reader.read(*place);
  if (!record.ok() && record.error().code == Errc::kNotFound) return {};
  if (!record.ok() && record.error().code == Errc::kCorrupt) {
    log(LogLevel::kError, "store", "bytes to be erased are damaged, they cannot be read either: {}",
        record.error().message);
    return {};
  }
  if (!record.ok()) return record.error();
  const model::RecordView& view = record->view;
  PH_TRY(settle_payload(command));
  if (view.payload_bytes == 0) return {};
  std::unique_ptr<io::File>& file = files[place->segment];
  if (file == nullptr) {
    PH_ASSIGN(file, parts_.files.open(place->segment, io::OpenMode::kReadWrite));
  }
  const std::string zeros(view.payload_bytes, '\0');
  const uint64_t payload_at = place->offset + model::kRecordPrefixBytes + view.body.size();
  return file->write(payload_at, std::array{ByteView(zeros)});
}

}  // namespace posthorn::store::segment

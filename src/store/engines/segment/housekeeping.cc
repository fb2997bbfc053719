// Background work of the segment engine.
#include "store/engines/segment/housekeeping.h"

#include "base/log.h"

namespace posthorn::store::segment {
namespace {

// A table of keys stays with the committer until so many newer ones are in key files: by then every
// append that was looked up before is committed, or is refused (see MessageLog::key_mark()).
constexpr size_t kKeyTablesKept = 2;

void log_failure(std::string_view what, const Status& status) {
  if (status.ok()) return;
  log(LogLevel::kError, "store", "{} failed and will be tried again: {}", what,
      status.error().message);
}

}  // namespace

void Housekeeping::after_roll() {
  state_.with([&](State& state) {
    prepare_reserve(state);
    log_failure("writing keys", write_keys(state));
    const Status sealed = seal_full();
    log_failure("sealing a segment", sealed);
    if (sealed.ok()) log_failure("a checkpoint", checkpoint(state));
  });
}

Status Housekeeping::checkpoint() {
  return state_.with([&](State& state) { return checkpoint(state); });
}

Status Housekeeping::write_keys(State& state) {
  while (true) {
    const auto table = parts_.live.with([](Live& live) -> std::shared_ptr<const KeyTable> {
      return live.frozen_keys.empty() ? nullptr : live.frozen_keys.front();
    });
    if (!table) return {};
    PH_TRY(parts_.keys.add(*table));
    state.written_keys.push_back(table);
    parts_.live.with([&](Live& live) {
      live.frozen_keys.erase(live.frozen_keys.begin());
      ++live.key_tables_written;
      if (state.written_keys.size() > kKeyTablesKept) {
        live.keys.release(state.written_keys.front());
        ++live.key_tables_released;
      }
    });
    if (state.written_keys.size() > kKeyTablesKept) {
      state.written_keys.erase(state.written_keys.begin());
    }
  }
}

void Housekeeping::prepare_reserve(State& state) {
  const SegmentNumber open = parts_.live.with([](const Live& live) { return live.end.segment; });
  state.last_prepared = std::max(state.last_prepared, open);
  parts_.space.refresh();
  if (!state.spares_loaded) {
    const Status loaded = state.spares.load();
    log_failure("looking for spare segments", loaded);
    state.spares_loaded = loaded.ok();
  }
  while (state.last_prepared.value < open.value + SpaceWatch::kReserveSegments) {
    // What is left of a disk that is nearly full is for checkpoints and indexes.
    if (parts_.space.low() && state.spares.size() == 0) break;
    const SegmentNumber next = state.last_prepared.next();
    if (const Status prepared = prepare(state, next); !prepared.ok()) {
      log_failure("preparing a segment", prepared);
      break;
    }
    state.last_prepared = next;
  }
  parts_.space.set_reserve(state.last_prepared.value - open.value);
}

Status Housekeeping::prepare(State& state, SegmentNumber number) {
  PH_ASSIGN(const bool reused, state.spares.use_for(number));
  return reused ? Status() : parts_.files.prepare(number);
}

Status Housekeeping::seal_full() {
  while (true) {
    const auto full = parts_.live.with([](const Live& live) -> std::shared_ptr<OpenIndex> {
      return live.sealing.empty() ? nullptr : live.sealing.front().index;
    });
    if (!full) return {};
    PH_TRY(parts_.tiers.seal(*full));
    parts_.live.with([](Live& live) { live.sealing.erase(live.sealing.begin()); });
  }
}

Status Housekeeping::checkpoint(State& state) {
  CheckpointSnapshot snapshot;
  SegmentNumber end;
  Status written = parts_.ledger.at_group(
      [&](Live& live) {
        snapshot = take_snapshot(live);
        end = live.end.segment;
        if (auto keys = live.keys.freeze()) live.frozen_keys.push_back(std::move(keys));
      },
      [&](Outcomes& outcomes, DueRuns& due) -> Status {
        // Recovery reads no key from before the checkpoint: they must all be in files.
        PH_TRY(write_keys(state));
        return write_checkpoint(parts_.checkpoints, snapshot,
                                {outcomes, due, parts_.ledger.payloads()});
      });
  PH_TRY(std::move(written));
  state.checkpointed_before = std::exchange(state.checkpointed, end);
  return {};
}

// One segment that is not needed any more goes, or one piece of a spare one is zeroed.
Result<bool> Housekeeping::retire(State& state) {
  const SegmentNumber open = parts_.live.with([](const Live& live) { return live.end.segment; });
  const uint64_t prepared = state.last_prepared.value - open.value;
  const uint64_t sealed = parts_.tiers.segments().size();
  PH_ASSIGN(const auto choice,
            parts_.retention.next(open, sealed + 1 + prepared + state.spares.size()));
  if (choice.segment) {
    if (*choice.segment < state.checkpointed_before)
      PH_TRY(take_out(state, *choice.segment));
    else
      PH_TRY(checkpoint(state));
    return true;
  }
  PH_ASSIGN(const bool scrubbing, state.spares.scrub_step());
  return choice.more || scrubbing;
}

// The log first: everything else is derived from what segments there are. An index that stays
// behind because the power is cut here goes at the next start.
Status Housekeeping::take_out(State& state, SegmentNumber segment) {
  PH_TRY(state.spares.add(segment));
  parts_.open_files.forget(parts_.files.path(segment));
  log(LogLevel::kInfo, "store", "segment {} is over and leaves the log", segment.value);
  parts_.ledger.up_to_date([&](Outcomes& outcomes, DueRuns&) { outcomes.restart(segment); });
  PH_TRY(parts_.tiers.remove({segment}));
  prepare_reserve(state);
  return state.spares.trim(parts_.space.low() ? 0 : SpareSegments::kKept);
}

// Indexes of full segments, sidecars that fill the memory, what is damaged; true when there was
// something.
Result<bool> Housekeeping::keep_up(State& state) {
  const bool full =
      parts_.ledger.up_to_date([](Outcomes& outcomes, DueRuns&) { return outcomes.wants_flush(); });
  const bool unsealed = parts_.live.with([](const Live& live) { return !live.sealing.empty(); });
  if (full || unsealed) {
    PH_TRY(seal_full());
  } else {
    PH_ASSIGN(const bool mended, repair_.step());
    if (!mended) return false;
  }
  PH_TRY(checkpoint(state));
  return true;
}

Result<bool> Housekeeping::step() {
  return state_.with([&](State& state) -> Result<bool> {
    prepare_reserve(state);
    Result<bool> kept_up = keep_up(state);
    if (kept_up.ok() && *kept_up) return true;
    // Where it had no space, what may leave the log makes some.
    if (!kept_up.ok() && kept_up.error().code != Errc::kNoSpace) return kept_up;
    PH_ASSIGN(const bool more_retired, retire(state));
    if (!kept_up.ok()) return more_retired ? Result<bool>(true) : kept_up;
    const WallTime now = parts_.host.clock().wall();
    return parts_.ledger.up_to_date([&](Outcomes& outcomes, DueRuns& due) -> Result<bool> {
      if (due.wants_flush()) PH_TRY(due.flush());
      DueRuns& payloads = parts_.ledger.payloads();
      if (payloads.wants_flush()) PH_TRY(payloads.flush());
      PH_ASSIGN(const bool more_payloads, payloads.maintain(now, parts_.has_message));
      PH_ASSIGN(const bool more_due, due.maintain(now, [&](const DueEntry& entry) {
        return parts_.is_live(entry, outcomes);
      }));
      PH_ASSIGN(const bool more_index, parts_.tiers.merge_step());
      PH_ASSIGN(const bool more_keys, parts_.keys.merge_step(now));
      return more_retired || more_due || more_payloads || more_index || more_keys;
    });
  });
}

}  // namespace posthorn::store::segment

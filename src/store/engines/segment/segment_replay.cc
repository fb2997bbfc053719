// Reading a segment again.
#include "store/engines/segment/segment_replay.h"

#include <fmt/format.h>

#include "base/log.h"
#include "store/engines/segment/live_state.h"
#include "store/engines/segment/segment_sets.h"

namespace posthorn::store::segment {
namespace {

class Replay {
 public:
  Replay(OpenIndex& index, Seq through, const ReplayVisitor& visit, SegmentSets& sets)
      : through_(through), visit_(visit), index_(index), sets_(sets) {}

  Status take(uint32_t offset, const model::RecordView& record) {
    const bool is_set = record.type == model::RecordType::kTargetSet;
    if (!is_set && (record.seq <= newest_ || record.seq > through_)) return {};
    if (!is_set) newest_ = record.seq;
    Status taken = is_set ? sets_.take(record) : take_record({offset, record.set_id}, record);
    if (!taken.ok() && taken.error().code == Errc::kIo) return taken;
    if (!taken.ok()) {
      log(LogLevel::kError, "store", "record {} is left out: {}", record.seq.value,
          taken.error().message);
    }
    return {};
  }

 private:
  Status take_record(const Placed& at, const model::RecordView& record) {
    switch (record.type) {
      case model::RecordType::kMessage: {
        PH_ASSIGN(model::Message message, model::decode_message(record, false));
        PH_ASSIGN(message.targets, sets_.of(at.set));
        index_record(index_, message, at);
        if (visit_.message) visit_.message(message);
        return {};
      }
      case model::RecordType::kAttempt: {
        PH_ASSIGN(const model::Attempt attempt, model::decode_attempt(record, false));
        index_record(index_, attempt, at);
        if (visit_.attempt) visit_.attempt(attempt);
        return {};
      }
      case model::RecordType::kCommand: {
        PH_ASSIGN(const model::Command command, model::decode_command(record));
        if (visit_.command) visit_.command(command);
        return {};
      }
      case model::RecordType::kTargetSet:
        break;
    }
    return error(Errc::kUnsupported, "a record of a type that this build does not have");
  }

  const Seq through_;
  const ReplayVisitor& visit_;
  OpenIndex& index_;
  SegmentSets& sets_;
  Seq newest_;
};

// What is known of the groups of a segment: all in front of the next one were synced.
Result<ScanBounds> bounds_of(SegmentFiles& files, SegmentNumber number) {
  ScanBounds bounds;
  PH_ASSIGN(bounds.generation, files.generation_of(number));
  if (bounds.generation == 0) {
    return error(Errc::kNotFound, fmt::format("segment {} holds nothing", number.value));
  }
  const auto next = files.header_of(number.next());
  if (next.ok() && *next) bounds.durable_group = (*next)->first_group - 1;
  return bounds;
}

}  // namespace

Result<ReplayedSegment> replay_segment(SegmentFiles& files, SegmentNumber number, Seq through,
                                       const ReplayVisitor& visit) {
  PH_ASSIGN(const ScanBounds bounds, bounds_of(files, number));
  PH_ASSIGN(const auto file, files.open(number, io::OpenMode::kRead));
  ReplayedSegment replayed;
  replayed.index = std::make_shared<OpenIndex>(number);
  SegmentSets sets(*file, bounds, [&](uint32_t set, const model::Targets& targets) {
    replayed.index->add_set(set, targets);
  });
  Replay replay(*replayed.index, through, visit, sets);
  PH_ASSIGN(replayed.scan,
            scan_segment(*file, bounds, [&](uint32_t offset, const model::RecordView& record) {
              return replay.take(offset, record);
            }));
  return replayed;
}

}  // namespace posthorn::store::segment
